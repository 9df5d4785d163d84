"""A WebSocket echo server that misbehaves in one chosen way, for holding c1m-load against.

Run as `python faulty_websocket_server.py FAULT PORT_FILE`: binds a free loopback port, writes its
number to PORT_FILE (by rename), serves until it is ended. It shares nothing with protocol/. Each
connection counts its messages, and only one in FAULT_EVERY is touched; "none" touches nothing.
With a fault that begins with "deflate-" it agrees to permessage-deflate and compresses its answers.
Not here: unmasking by the book for other payloads than whole messages of at most 65,535 bytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
import sys
import zlib

from port_file import serve

FAULT_EVERY = 20
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FAULTS = (
    "none",
    "wrong-bytes",
    "wrong-length",
    "wrong-opcode",
    "masked",
    "reserved-bit",
    "swallow",
    "twice",
    "close-1001",
    "wrong-accept",
    "refuse",
    "silent-handshake",
    "no-pong",
    "no-close",
    "other-close",
    "rsv1-unasked",
    "deflate-none",
    "deflate-wrong-bytes",
    "deflate-corrupt",
    "deflate-cut",
    "deflate-bomb",
    "deflate-plain",
    "deflate-context",
    "deflate-unasked",
    "deflate-window",
    "deflate-other",
)
# What is answered to an offer.
KEEPING_NOTHING = "permessage-deflate; server_no_context_takeover"
AGREEMENTS = {
    "deflate-context": "permessage-deflate",
    "deflate-window": KEEPING_NOTHING + "; client_max_window_bits=10",
    "deflate-other": "x-webkit-deflate-frame",
}
BOMB_BYTES = 10_000_000
RSV1 = 0x40


def compressed(message: bytes) -> bytes:
    """A message as permessage-deflate has it, without context takeover; in a small window, for a
    large one takes longer to set up than a message to compress.
    """
    stream = zlib.compressobj(wbits=-9, memLevel=1)
    return (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(payload: bytes) -> bytes:
    """The message of a compressed payload."""
    return zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")


def frame(opcode: int, payload: bytes, *, masked: bool = False, rsv: int = 0) -> bytes:
    """A whole frame; a server's is not masked."""
    bit = 0x80 if masked else 0
    head = bytes([0x80 | rsv | opcode])
    size = len(payload)
    head += bytes([bit | size]) if size < 126 else struct.pack("!BH", bit | 126, size)
    return head + (bytes(4) if masked else b"") + payload


def faulty_echo(fault: str, opcode: int, payload: bytes) -> bytes:
    """What comes back for a message that is touched."""
    changed = bytes([payload[0] ^ 1]) + payload[1:]
    if fault.startswith("deflate-"):
        return faulty_compressed_echo(fault, opcode, payload, changed)
    return {
        "wrong-bytes": frame(opcode, changed),
        "wrong-length": frame(opcode, payload + b"!"),
        "wrong-opcode": frame(TEXT if opcode == BINARY else BINARY, payload),
        "masked": frame(opcode, payload, masked=True),
        "reserved-bit": frame(opcode, payload, rsv=0x20),
        "swallow": b"",
        "twice": frame(opcode, payload) * 2,
        "close-1001": frame(CLOSE, struct.pack("!H", 1001)),
        "rsv1-unasked": frame(opcode, compressed(payload), rsv=RSV1),
    }.get(fault, frame(opcode, payload))


def faulty_compressed_echo(fault: str, opcode: int, message: bytes, changed: bytes) -> bytes:
    """The same where compression was agreed on."""
    good = compressed(message)
    if fault == "deflate-plain":
        return frame(opcode, message)
    payload = {
        "deflate-wrong-bytes": compressed(changed),
        "deflate-corrupt": b"\xff" * 8,
        "deflate-cut": good[: len(good) // 2],
        "deflate-bomb": compressed(bytes(BOMB_BYTES)),
    }.get(fault, good)
    return frame(opcode, payload, rsv=RSV1)


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload, which is inflated where its frame says that it is compressed."""
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks"
    assert first & 0x80, "not made for fragments"
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    key = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return first & 0x0F, inflated(payload) if first & RSV1 else payload


async def _shake_hands(
    fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    if fault == "silent-handshake":
        await asyncio.sleep(3600)
    if fault == "refuse":
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        return False
    key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    if fault == "wrong-accept":
        key = key[::-1]
    is_offered = b"\r\nSec-WebSocket-Extensions: permessage-deflate" in head
    agreement = b""
    if fault == "deflate-unasked":
        assert not is_offered
    if fault.startswith("deflate-"):
        answer = AGREEMENTS.get(fault, KEEPING_NOTHING)
        agreement = b"Sec-WebSocket-Extensions: %b\r\n" % answer.encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept, agreement)
    )
    return True


async def _talk(fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    count = 0
    while True:
        opcode, payload = await _read_frame(reader)
        if opcode == PING and fault != "no-pong":
            writer.write(frame(PONG, payload))
        elif opcode == CLOSE:
            code = struct.pack("!H", 1011) if fault == "other-close" else payload[:2]
            if fault != "no-close":
                writer.write(frame(CLOSE, code))
            return
        elif opcode in (TEXT, BINARY):
            count += 1
            touched = count % FAULT_EVERY == 0
            honest = "deflate-none" if fault.startswith("deflate-") else "none"
            writer.write(faulty_echo(fault if touched else honest, opcode, payload))


async def _serve(fault: str, port_file: str) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await _shake_hands(fault, reader, writer):
                await _talk(fault, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    await serve(connection, port_file)


if __name__ == "__main__":
    assert sys.argv[1] in FAULTS, sys.argv[1]
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
