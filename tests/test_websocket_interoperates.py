"""The servers with a client that others wrote: `websockets` of PyPI, the outside oracle.

A codec that is wrong on both of our sides alike would pass every test of our own.
"""

from __future__ import annotations

import random

import pytest
from conftest import SERVERS, Server, StartServer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
TIMEOUT_S = 20


def _connect(
    server: Server, *, deflate: bool = False, origin: str | None = None
) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{server.port}/",
        compression="deflate" if deflate else None,
        origin=origin,  # type: ignore[arg-type]
        open_timeout=TIMEOUT_S,
        close_timeout=TIMEOUT_S,
        max_size=None,
    )


@each_server
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_messages_of_all_sizes_come_back(
    flags: tuple[str, ...], deflate: bool, start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws", *(["--deflate"] if deflate else []))
    draw = random.Random(1)
    with _connect(server, deflate=deflate) as client:
        agreed = [extension.name for extension in client.protocol.extensions]
        assert agreed == (["permessage-deflate"] if deflate else [])
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            for message in (draw.randbytes(size), "é" * (size // 2), b"\0" * size):
                client.send(message)
                assert client.recv(TIMEOUT_S) == message


@each_server
def test_fragments_pings_and_a_clean_close(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws")
    with _connect(server) as client:
        client.send(iter(["one ", "two ", "three"]))
        assert client.recv(TIMEOUT_S) == "one two three"
        assert client.ping().wait(TIMEOUT_S), "no pong"
        client.close(4321, "enough")
        assert client.protocol.close_rcvd is not None
        assert client.protocol.close_rcvd.code == 4321


@each_server
def test_compression_is_declined_when_it_is_off(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws")
    with _connect(server, deflate=True) as client:
        assert not client.protocol.extensions
        client.send("plain")
        assert client.recv(TIMEOUT_S) == "plain"


@each_server
def test_a_stop_is_a_clean_end(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags, "--protocol", "ws")
    with _connect(server) as client:
        client.send("x")
        assert client.recv(TIMEOUT_S) == "x"
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(TIMEOUT_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


@each_server
def test_origins(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(
        *flags, "--protocol", "ws", "--allowed-origin", "http://a.example,http://b.example"
    )
    with _connect(server, origin="http://b.example") as client:
        client.send("x")
        assert client.recv(TIMEOUT_S) == "x"
    with pytest.raises(InvalidStatus) as refused:
        _connect(server, origin="http://c.example")
    assert refused.value.response.status_code == 403
