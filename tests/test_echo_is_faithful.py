"""Every server returns exactly the bytes it got, whatever their sizes and the client's manners."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time

import pytest
from conftest import SERVERS, Server, StartServer

TIMEOUT_S = 20


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)


def _receive(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(1 << 16, count - len(parts)))
        assert part, f"the server closed after {len(parts)} of {count} bytes"
        parts += part
    return bytes(parts)


def _last(server: Server, field: str) -> int:
    return int(server.stats()[-1]["total"][field])


def _await_stat(server: Server, field: str, value: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while _last(server, field) != value:
        assert time.monotonic() < deadline, f"{field} is {_last(server, field)}, not {value}"
        time.sleep(0.05)


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
@pytest.mark.parametrize("size", [1, 63, 4096, 4097, 70_000])
def test_messages_come_back_whole(
    flags: tuple[str, ...], size: int, start_server: StartServer
) -> None:
    server = start_server(*flags)
    payload = random.Random(size).randbytes(size)
    with _connect(server) as connection:
        for _ in range(3):
            connection.sendall(payload)
            assert _receive(connection, size) == payload


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_a_client_that_does_not_read_is_held_back_and_loses_nothing(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    """More bytes than all socket buffers hold: the server must stop reading, not grow or drop."""
    server = start_server(*flags)
    total = 24 << 20
    payload = random.Random(7).randbytes(total)
    with _connect(server) as connection:
        writer = threading.Thread(target=connection.sendall, args=(payload,))
        writer.start()
        time.sleep(0.5)  # lets the buffers fill; a faster machine only fills them sooner
        rss_bytes = _last(server, "rss_bytes")
        assert _receive(connection, total) == payload
        writer.join()
    assert rss_bytes < 64 << 20, "the server buffered what it could not send"


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_a_half_closed_client_still_gets_its_answer(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags)
    payload = b"x" * 200_000
    with _connect(server) as connection:
        writer = threading.Thread(target=connection.sendall, args=(payload,))
        writer.start()
        got = _receive(connection, 100_000)
        writer.join()
        connection.shutdown(socket.SHUT_WR)
        assert got + _receive(connection, 100_000) == payload
        assert connection.recv(1) == b"", "the server closes after the client's end of stream"


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_bytes_and_end_of_stream_in_one_packet(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    """A short read must not lose the end of the stream that came with it (edge-triggered epoll)."""
    server = start_server(*flags)
    for _ in range(50):
        with _connect(server) as connection:
            connection.sendall(b"last words")
            connection.shutdown(socket.SHUT_WR)
            assert _receive(connection, 10) == b"last words"
            assert connection.recv(1) == b""
    _await_stat(server, "connections_open", 0)


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_resets_end_only_their_own_connection(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags)
    with _connect(server) as bystander:
        for _ in range(20):
            rude = _connect(server)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.sendall(b"bye")
            rude.close()
        bystander.sendall(b"still here")
        assert _receive(bystander, 10) == b"still here"
        _await_stat(server, "connections_open", 1)
    _await_stat(server, "connections_open", 0)
    assert _last(server, "connections_accepted") == 21


@pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
def test_many_connections_at_once(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags)
    connections = [_connect(server) for _ in range(500)]
    for index, connection in enumerate(connections):
        connection.sendall(index.to_bytes(4, "big"))
    for index, connection in enumerate(connections):
        assert int.from_bytes(_receive(connection, 4), "big") == index
    _await_stat(server, "connections_open", 500)
    for connection in connections:
        connection.close()
    _await_stat(server, "connections_open", 0)


@pytest.mark.parametrize(
    "flags", [flags for flags in SERVERS.values() if flags[0] != "threads"], ids=" ".join
)
def test_two_workers_share_one_port(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags, "--processors", "2")
    connections = [_connect(server) for _ in range(64)]
    for connection in connections:
        connection.sendall(b"ping")
    for connection in connections:
        assert _receive(connection, 4) == b"ping"
        connection.close()
    _await_stat(server, "connections_open", 0)
