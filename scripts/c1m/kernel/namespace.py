"""A network namespace of the run's own: nothing tracks its loopback, and it ends with the run.

Invariant: fresh_network() leaves the process in the namespace that it was in before.
Threads: called by the main thread before there are others; children started meanwhile are inside.
Sources: unshare(2), setns(2), netdevice(7). Python has os.unshare() from 3.12 on only.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

# Settings that each namespace has for itself; the others are the machine's.
NAMESPACED = ("net.ipv4.ip_local_port_range", "net.core.somaxconn")


@contextlib.contextmanager
def fresh_network() -> Iterator[str | None]:
    """Inside, the process is in a fresh namespace with loopback up.

    Yields nothing, or why there is none (no root, mostly); then it stays where it is.
    """
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            _call("unshare", _CLONE_NEWNET)
        except OSError as error:
            yield f"unshare(CLONE_NEWNET): {error.strerror} ({errno.errorcode[error.errno or 0]})"
            return
        try:
            _loopback_up()
            yield None
        finally:
            _call("setns", home, _CLONE_NEWNET)
    finally:
        os.close(home)


def network_namespace() -> str:
    """The name that the kernel has for the process's namespace."""
    return str(Path("/proc/self/ns/net").readlink())


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))
