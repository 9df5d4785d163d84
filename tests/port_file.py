"""How the faulty servers begin: on a free loopback port whose number they leave in a file.

Invariant: the file appears whole, by rename, and only once the server listens.
Not here: faults (faulty_server.py, faulty_websocket_server.py), and who waits for the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve(connection: Connection, port_file: str) -> None:
    """Hands each connection to `connection` until the process is ended."""
    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    temporary = Path(f"{port_file}.new")
    temporary.write_text(str(port), encoding="ascii")
    temporary.rename(port_file)
    async with server:
        await server.serve_forever()
