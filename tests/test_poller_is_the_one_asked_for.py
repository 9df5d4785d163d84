"""c1m-coro waits with the poller that was asked for, says which, and never falls back silently."""

from __future__ import annotations

import ctypes
import random
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import IO_URING_SETUP, POLLERS, StartServer

TIMEOUT_S = 20

# Linux's numbers, for a filter that answers io_uring_setup with EPERM.
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2


def _forbid_io_uring() -> None:
    """A seccomp profile such as containers have."""
    instructions = [
        struct.pack("=HBBI", 0x20, 0, 0, 0),  # the system call's number
        struct.pack("=HBBI", 0x15, 0, 1, IO_URING_SETUP),  # this one?
        struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | 1),  # EPERM
        struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000),  # allowed
    ]
    code = ctypes.create_string_buffer(b"".join(instructions))

    class Program(ctypes.Structure):
        _fields_ = (("count", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(instructions), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0


@pytest.mark.parametrize("poller", POLLERS)
@pytest.mark.parametrize("processors", [1, 2])
def test_it_echoes_and_says_its_poller(
    poller: str, processors: int, start_server: StartServer
) -> None:
    server = start_server("coro", "--poller", poller, "--processors", str(processors))
    assert server.ready["settings"]["poller"] == poller
    payload = random.Random(processors).randbytes(300_000)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as connection:
            for size in (1, 64, 5_000, 300_000):
                connection.sendall(payload[:size])
                echoed = bytearray()
                while len(echoed) < size:
                    part = connection.recv(1 << 16)
                    assert part, f"the server closed after {len(echoed)} of {size} bytes"
                    echoed += part
                assert echoed == payload[:size]
    assert server.stats()[-1]["poller"] == poller
    assert server.stop() == 143


def test_without_io_uring_it_refuses_and_says_what_to_do(programs: Path) -> None:
    refused = subprocess.run(
        [str(programs / "c1m-coro"), "--listen", "127.0.0.1:0", "--poller", "io_uring"],
        preexec_fn=_forbid_io_uring,  # noqa: PLW1509: nothing else runs in this process
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert refused.returncode == 4, refused.stderr
    assert "io_uring_setup: Operation not permitted (EPERM)" in refused.stderr
    assert "--poller epoll" in refused.stderr
