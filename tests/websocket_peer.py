"""A WebSocket client by hand, for tests that must send what no library would, and the table's form.

It shares nothing with protocol/ but the tables in protocol/conformance/, whose form docs/hacking.md
describes. Not here: what must hold (the tests).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from conftest import ROOT, Server

TIMEOUT_S = 20
OPCODES = {"continuation": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}
NAMES = {number: name for name, number in OPCODES.items()}
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Json = dict[str, Any]


def table(name: str) -> list[Json]:
    """One of the conformance tables."""
    cases: list[Json] = json.loads((ROOT / "protocol" / "conformance" / name).read_text())
    return cases


def case_id(case: Json) -> str:
    """The name of a case, for pytest."""
    return f"{case['section']}: {case['name']}"


def mask(payload: bytes, key: bytes) -> bytes:
    """Masks, or unmasks."""
    whole = (key * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
    return number.to_bytes(len(payload), "big")


def frame(
    op: int | str,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    announce: int | None = None,
    length: int | None = None,
) -> bytes:
    """A frame, also a wrong one: `announce` another length, `length` in 7, 16 or 64 bits."""
    size = len(payload) if announce is None else announce
    form = length or (7 if size < 126 else 16 if size < 65536 else 64)
    number = op if isinstance(op, int) else OPCODES[op]
    head = bytes([(0x80 if fin else 0) | rsv << 4 | number])
    bit = 0x80 if masked else 0
    if form == 7:
        head += bytes([bit | size])
    else:
        head += struct.pack("!BH", bit | 126, size) if form == 16 else b""
        head += struct.pack("!BQ", bit | 127, size) if form == 64 else b""
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def payload_of(step: Json) -> bytes:
    """The payload that a row of the table describes."""
    code = struct.pack("!H", step["code"]) if "code" in step else b""
    text: str = step.get("text", "")
    fill = b"x" * int(step.get("fill", 0))
    return code + text.encode() + bytes.fromhex(step.get("hex", "")) + fill


def bytes_of(step: Json) -> bytes:
    """The bytes of a row that is sent."""
    if "raw" in step:
        return bytes.fromhex(str(step["raw"]))
    options = {
        name: step[name] for name in ("fin", "rsv", "masked", "announce", "length") if name in step
    }
    one = frame(step["op"], payload_of(step), **options)
    return one * int(step.get("times", 1))


@dataclass
class Peer:
    """One connection."""

    connection: socket.socket
    deflate: bool = False
    received: bytearray = field(default_factory=bytearray)

    @staticmethod
    def connect(server: Server) -> Peer:
        """A TCP connection without a handshake."""
        address = ("127.0.0.1", server.port)
        return Peer(socket.create_connection(address, timeout=TIMEOUT_S))

    @staticmethod
    def open(server: Server, *, deflate: bool = False) -> Peer:
        """An established session."""
        peer = Peer.connect(server)
        peer.deflate = deflate
        key = base64.b64encode(os.urandom(16))
        extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
        peer.send(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n%b\r\n"
            % (key, extension.encode())
        )
        head = peer.take_head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        assert b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n" in head
        assert (b"permessage-deflate" in head) == deflate
        return peer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.connection.sendall(data)

    def receive_more(self) -> bool:
        """Appends what comes next; False at the end of the stream."""
        part = self.connection.recv(1 << 16)
        self.received += part
        return bool(part)

    def take(self, size: int) -> bytes:
        """The next bytes."""
        while len(self.received) < size:
            assert self.receive_more(), f"the server closed after {bytes(self.received)!r}"
        taken = bytes(self.received[:size])
        del self.received[:size]
        return taken

    def take_head(self) -> bytes:
        """An HTTP answer's head."""
        while b"\r\n\r\n" not in self.received:
            assert self.receive_more(), f"the server closed after {bytes(self.received)!r}"
        return self.take(self.received.index(b"\r\n\r\n") + 4)

    def take_frame(self) -> Json:
        """The next frame, in the table's terms; it must be one that a server may send."""
        first, second = self.take(2)
        assert not second & 0x80, "a server does not mask"
        assert first & 0x80, "this server does not fragment"
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        payload = self.take(size)
        compressed = bool(first & 0x40)
        assert not compressed or self.deflate
        if compressed:
            payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
        name = NAMES[first & 0x0F]
        if name == "close":
            return {"close": int.from_bytes(payload[:2], "big") if payload else None}
        return {"op": name, "payload": payload, "compressed": compressed}

    def take_end(self) -> None:
        """The end of the stream, and nothing before it."""
        assert not self.received
        assert not self.receive_more(), f"{bytes(self.received)!r} after the last frame"

    def echo(self, payload: bytes = b"still here") -> None:
        """Proves that the session lives."""
        self.send(frame("binary", payload))
        answer = self.take_frame()
        assert answer["op"] == "binary"
        assert answer["payload"] == payload
