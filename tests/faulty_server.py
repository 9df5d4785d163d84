"""An echo server that misbehaves in one chosen way, for holding c1m-load against.

Run as `python faulty_server.py FAULT PORT_FILE`: binds a free loopback port, writes its number to
PORT_FILE (by rename), serves until it is ended. Messages are MESSAGE_BYTES long; each connection
counts its own messages, and only one message in FAULT_EVERY is touched, except by "serial", which
slows every one down.
Not here: faults of our own servers (killing and stopping them is done from outside).
"""

from __future__ import annotations

import asyncio
import sys

from port_file import serve

MESSAGE_BYTES = 64
FAULT_EVERY = 50
LATE_BY_S = 1.5
PAUSE_S = 0.005


async def _corrupt(message: bytes, writer: asyncio.StreamWriter) -> None:
    damaged = bytearray(message)
    damaged[MESSAGE_BYTES // 2] ^= 0x01
    writer.write(bytes(damaged))


async def _shorten(message: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(message[:-1])


async def _swallow(message: bytes, writer: asyncio.StreamWriter) -> None:
    del message, writer


async def _close(message: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(message[: MESSAGE_BYTES // 2])
    await writer.drain()
    writer.close()


async def _reset(message: bytes, writer: asyncio.StreamWriter) -> None:
    del message
    # Aborting the transport with unread or unsent data makes the kernel send RST.
    writer.transport.abort()


async def _late(message: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(LATE_BY_S)
    writer.write(message)


async def _extra(message: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(message + b"nobody asked for this")


_turn = asyncio.Lock()


async def _serial(message: bytes, writer: asyncio.StreamWriter) -> None:
    """One request at a time over all connections, each a pause long."""
    async with _turn:
        await asyncio.sleep(PAUSE_S)
    writer.write(message)


async def _none(message: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(message)


FAULTS = {
    "corrupt": _corrupt,
    "shorten": _shorten,
    "swallow": _swallow,
    "close": _close,
    "reset": _reset,
    "late": _late,
    "extra": _extra,
    "serial": _serial,
    "none": _none,
}


async def _serve(fault: str, port_file: str) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = 0
        try:
            while True:
                message = await reader.readexactly(MESSAGE_BYTES)
                count += 1
                if count % FAULT_EVERY == 0 or fault == "serial":
                    await FAULTS[fault](message, writer)
                else:
                    writer.write(message)
        except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            writer.close()

    await serve(connection, port_file)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
