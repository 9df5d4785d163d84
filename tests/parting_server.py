"""An echo server that treats the ends of connections in one chosen way, for c1m-load --lifetime.

Run as `python parting_server.py FAULT PORT_FILE`, as faulty_server.py is: "keeps" never closes its
end, "aborts" answers the client's end with a reset, "vanishes" stops listening at the first end,
"none" closes in order. Two are about beginnings: "full" stops listening when it has ROOM
connections, "crowded" closes those that come when it has ROOM.
Not here: wrong answers (faulty_server.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

ROOM = 20


async def _serve(fault: str, port_file: str) -> None:
    accepted = 0

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        if fault == "full" and accepted == ROOM:
            server.close()
        if fault == "crowded" and accepted > ROOM:
            writer.close()
            return
        with contextlib.suppress(ConnectionError):
            while message := await reader.read(65_536):
                writer.write(message)
        if fault == "keeps":
            await asyncio.Event().wait()
        if fault == "vanishes":
            server.close()
        if fault == "aborts":
            # Aborting is a reset only with this option: otherwise nothing is left to be lost.
            linger_at_once = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            writer.get_extra_info("socket").setsockopt(1, 13, linger_at_once)
            writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    temporary = Path(f"{port_file}.new")
    temporary.write_text(str(port), encoding="ascii")
    temporary.rename(port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2]))
