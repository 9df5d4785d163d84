"""The servers and c1m-load with a second codec that others wrote: `wsproto` of PyPI.

`websockets` might be lenient where we are wrong; two oracles that share no code are seldom so both.
"""

from __future__ import annotations

import random

import pytest
from conftest import SERVERS, RunLoad, StartServer
from wsproto.events import CloseConnection, Ping, Pong
from wsproto_peer import client, message_of, serving

each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
with_and_without = pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
OF_THE_MACHINE = {"generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law"}
CONNECTIONS = 4


@each_server
@with_and_without
def test_servers_echo_what_it_says(
    flags: tuple[str, ...], deflate: bool, start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws", *(["--deflate"] if deflate else []))
    draw = random.Random(1)
    with client(server.port, deflate=deflate) as (end, extension):
        assert extension.enabled() == deflate
        # Not more in a row than the sockets hold: nobody reads meanwhile.
        for size in (0, 1, 125, 126, 65_535, 65_536, 100_000):
            for message in (draw.randbytes(size), "é" * (size // 2)):
                end.send(message_of(message))
                assert end.take() == message
        for part in ("one ", "two ", "three"):
            end.send(message_of(part, last=part == "three"))
        assert end.take() == "one two three"
        end.send(Ping(payload=b"who is there"))
        pong = end.take()
        assert isinstance(pong, Pong)
        assert bytes(pong.payload) == b"who is there"
        end.send(CloseConnection(code=4321, reason="enough"))
        close = end.take()
        assert isinstance(close, CloseConnection)
        assert close.code == 4321
        assert end.take() is None


@each_server
def test_servers_decline_its_offer_when_compression_is_off(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, "--protocol", "ws")
    with client(server.port, deflate=True) as (end, extension):
        assert not extension.enabled()
        end.send(message_of("plain"))
        assert end.take() == "plain"


@with_and_without
@pytest.mark.parametrize(
    ("opcode", "size", "fragment"),
    [("text", "1-3000", ("--ws-fragment", "125")), ("binary", "64-20000", ())],
)
def test_it_echoes_what_the_generator_says(
    opcode: str, size: str, fragment: tuple[str, ...], deflate: bool, run_load: RunLoad
) -> None:
    offer = ("--ws-deflate",) if deflate else ()
    with serving(deflate=deflate) as server:
        run = run_load(
            f"127.0.0.1:{server.port}", "--protocol", "ws", "-c", str(CONNECTIONS), "-R", "40",
            "-d", "1s", "--warmup", "0s", "--ws-opcode", opcode, "-s", size, *fragment,
            "--ws-path", "/a?b=c", "--ws-ping-interval", "200ms", "--ws-payload", "words", *offer,
        )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    websocket = run.checked["websocket"]
    assert websocket["pongs_received"] == websocket["pings_sent"] > 0
    assert websocket["closes_answered"] == CONNECTIONS
    sent = run.checked["counts"]["sent"]
    assert websocket["compressed_sent"] == websocket["compressed_received"] == sent * deflate
    assert server.compressed == {deflate}
    assert server.kinds == {str if opcode == "text" else bytes}
    assert server.paths == {"/a?b=c"}
    assert server.close_codes == [1000] * CONNECTIONS
