"""c1m-coro's connections wait on the kind of stack asked for, and share compact ones unharmed."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable

import pytest
from conftest import POLLERS, Server, StartServer

TIMEOUT_S = 60
# More than the runtime has slots, so that connections must share.
CONNECTIONS = 3_000
# More than a server's and a client's least buffers hold.
ANSWER_BYTES = 64 << 10

PAYLOAD = random.Random(3).randbytes(CONNECTIONS + ANSWER_BYTES)


def _payload(index: int, size: int) -> bytes:
    return PAYLOAD[index : index + size]


def _really_runs(server: Server, asked: str) -> str:
    """AddressSanitizer cannot follow frames that move, so that its builds have dedicated stacks."""
    return "dedicated" if server.ready["preset"] == "asan" else asked


def _total(server: Server, field: str) -> int:
    return int(server.stats()[-1]["total"][field])


def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


async def _connect(
    server: Server, receive_buffer_bytes: int = 0
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket()
    connection.setblocking(False)
    if receive_buffer_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    return await asyncio.open_connection(sock=connection, limit=1024)


async def _close(writers: list[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
    # A server that has stopped may have reset some.
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.mark.parametrize("poller", POLLERS)
@pytest.mark.parametrize("stacks", ["dedicated", "compact"])
def test_thousands_wait_and_answer(stacks: str, poller: str, start_server: StartServer) -> None:
    server = start_server("coro", "--stacks", stacks, "--poller", poller, "--processors", "2")
    really = _really_runs(server, stacks)
    assert server.ready["settings"]["stacks"] == really

    async def converse() -> None:
        streams = [await _connect(server) for _ in range(CONNECTIONS)]
        for size in (1, 300, 6_000):  # the last one takes several reads of the server
            for index, (_, writer) in enumerate(streams):
                writer.write(_payload(index, size))
            for index, (reader, _) in enumerate(streams):
                assert await reader.readexactly(size) == _payload(index, size)
        await _close([writer for _, writer in streams])

    asyncio.run(asyncio.wait_for(converse(), TIMEOUT_S))
    _await(lambda: _total(server, "connections_open") == 0, "a connection is left")
    assert server.stats()[-1]["stacks"] == really
    if really == "compact":
        _await(lambda: _total(server, "frames_frozen") >= CONNECTIONS, "no frames were copied")
    else:
        assert _total(server, "frames_frozen") == 0
    assert server.stop() == 143


@pytest.mark.parametrize("poller", POLLERS)
def test_answers_to_slow_readers_wait_on_shared_stacks(
    poller: str, start_server: StartServer
) -> None:
    """Every connection's answer is sent in part, and its coroutine waits inside of the write."""
    flags = ("--stacks", "compact", "--poller", poller, "--send-buffer", "4096")
    server = start_server("coro", *flags)

    async def converse() -> None:
        streams = [await _connect(server, 4096) for _ in range(CONNECTIONS)]
        for index, (_, writer) in enumerate(streams):
            writer.write(_payload(index, ANSWER_BYTES))
        received = -1
        while received != _total(server, "bytes_received"):
            received = _total(server, "bytes_received")
            await asyncio.sleep(1)
        assert received < CONNECTIONS * ANSWER_BYTES, "the server was not held back"
        for index, (reader, _) in enumerate(streams):
            assert await reader.readexactly(ANSWER_BYTES) == _payload(index, ANSWER_BYTES)
        await _close([writer for _, writer in streams])

    asyncio.run(asyncio.wait_for(converse(), 2 * TIMEOUT_S))
    if _really_runs(server, "compact") == "compact":
        _await(lambda: _total(server, "frames_frozen") >= CONNECTIONS, "no frames were copied")
    assert server.stop() == 143


@pytest.mark.parametrize("poller", POLLERS)
def test_a_stop_under_traffic_ends_the_frozen_too(poller: str, start_server: StartServer) -> None:
    server = start_server("coro", "--stacks", "compact", "--poller", poller, "--processors", "2")

    async def echo_until_closed(
        index: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                writer.write(_payload(index, 100))
                assert await reader.readexactly(100) == _payload(index, 100)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def converse() -> int:
        streams = [await _connect(server) for _ in range(CONNECTIONS)]
        # The others wait, most of them frozen.
        echoing = [
            asyncio.create_task(echo_until_closed(index, *stream))
            for index, stream in enumerate(streams[::3])
        ]
        await asyncio.sleep(1)
        stopped = asyncio.create_task(asyncio.to_thread(server.stop))
        await asyncio.gather(*echoing)
        await _close([writer for _, writer in streams])
        return await stopped

    assert asyncio.run(asyncio.wait_for(converse(), TIMEOUT_S)) == 143
    assert server.process.stderr is not None
    assert "killed" not in server.process.stderr.read().decode(), "it did not end by itself"
