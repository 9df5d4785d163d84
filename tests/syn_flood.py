"""A listener's SYN queue, filled by SYNs from addresses that never answer.

Invariants: only for a network namespace of the test's own (c1m.kernel.namespace.fresh_network),
because it sends with forged source addresses; RSTs from the same addresses empty the queue again.
Sources: RFC 9293; RFC 4987 (SYN flooding); raw(7); rtnetlink(7).
Not here: what is expected of c1m-load meanwhile.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_RTM_NEWROUTE = 24
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE = 0x1, 0x4, 0x400
_RTA_DST, _RTA_OIF = 1, 4
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_LINK, _RTN_UNICAST = 254, 3, 253, 1
_SYN, _RST = 0x02, 0x04
_LOOPBACK = "127.0.0.1"
# TEST-NET-2 (RFC 5737): nobody has these addresses, and in this network nothing answers for them.
_NOBODY = "198.51.100"
_FIRST_PORT = 20_000
_SEQUENCE = 1_000


class SynFlood:
    """So many requests to connect to a port that will never be completed."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        _route_nobody_to_loopback()

    def begin(self) -> None:
        """Sends the SYNs; the answers go nowhere."""
        self._send(_SYN, _SEQUENCE)

    def end(self) -> None:
        """Takes them back: each reset is the next thing that the listener expects."""
        self._send(_RST, _SEQUENCE + 1)

    def _send(self, flags: int, sequence: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for number in range(self._count):
                source = f"{_NOBODY}.{number % 250 + 1}"
                packet = _packet(source, _FIRST_PORT + number, self._port, flags, sequence)
                raw.sendto(packet, (_LOOPBACK, 0))


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packet(source: str, source_port: int, port: int, flags: int, sequence: int) -> bytes:
    """A TCP segment without data or options in an IP packet, whose checksum the kernel fills in."""
    words = 5
    addresses = socket.inet_aton(source) + socket.inet_aton(_LOOPBACK)

    def segment(checksum: int) -> bytes:
        return struct.pack(
            "!HHIIHHHH", source_port, port, sequence, 0, words << 12 | flags, 65_535, checksum, 0
        )

    pseudo_header = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 4 * words)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0)
    return header + addresses + segment(_checksum(pseudo_header + segment(0)))


def _route_nobody_to_loopback() -> None:
    """The loopback device drops what is for nobody here; without a way there is no answer to a SYN,
    and without an answer nothing waits in the queue."""

    def attribute(kind: int, value: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(value), kind) + value

    body = struct.pack(
        "=BBBBBBBBI", socket.AF_INET, 24, 0, 0,
        _RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_LINK, _RTN_UNICAST, 0,
    )  # fmt: skip
    body += attribute(_RTA_DST, socket.inet_aton(f"{_NOBODY}.0"))
    body += attribute(_RTA_OIF, struct.pack("=I", socket.if_nametoindex("lo")))
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE
    head = struct.pack("=IHHII", 16 + len(body), _RTM_NEWROUTE, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.sendall(head + body)
        (error,) = struct.unpack_from("=i", netlink.recv(4096), 16)
    if -error not in (0, errno.EEXIST):
        raise OSError(-error, f"no route to {_NOBODY}.0/24: {os.strerror(-error)}")
