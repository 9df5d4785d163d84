"""Clients that mean harm: memory stays bounded, others are served, what they did is counted.

One server for each kind, with a bystander whose echoes must go on coming. Bounds on memory are of
the stats lines, far above what honest service takes and far below what the attack asks for, or what
it would leave behind if it was not freed. Not here: how fast the bystander is served (a benchmark's
business); each of its echoes has a bound of seconds.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import SERVERS, Server, StartServer
from websocket_peer import TIMEOUT_S, Peer, frame

WS = ("--protocol", "ws")
each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
MEBIBYTE = 1 << 20
HALF_A_FRAME = frame("binary", bytes(100_000), announce=200_000)


def _last(server: Server, name: str) -> int:
    return int(server.stats()[-1]["total"][name])


def _await_stat(server: Server, name: str, value: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while _last(server, name) != value:
        assert time.monotonic() < deadline, f"{name} is {_last(server, name)}, not {value}"
        time.sleep(0.05)


def _await_next_reading(server: Server) -> None:
    """Of resident memory. A line may lack it: a reading that took long is not soon repeated."""
    readings = len(_resident_bytes(server))
    deadline = time.monotonic() + TIMEOUT_S
    while len(_resident_bytes(server)) < readings + 2:
        assert time.monotonic() < deadline, "resident memory is not read any more"
        time.sleep(0.05)


def _resident_bytes(server: Server, first_line: int = 0) -> list[int]:
    """Of each stats line from this one on that has the figure."""
    totals = [line["total"]["rss_bytes"] for line in server.stats()[first_line:]]
    return [value for value in totals if value is not None]


@contextmanager
def _others_unharmed(server: Server, growth_max: int) -> Iterator[None]:
    """A bystander echoes all the while, and resident memory never grows by more than this."""
    with Peer.open(server) as bystander:
        bystander.echo()
        _await_next_reading(server)
        before = _resident_bytes(server)[-1]
        first_line = len(server.stats())
        echoes, over = [0], threading.Event()

        def echo_on() -> None:
            while not over.wait(0.001):
                bystander.echo()
                echoes[0] += 1

        echoing = threading.Thread(target=echo_on)
        echoing.start()
        try:
            yield
            _await_next_reading(server)
            wanted = echoes[0] + 20
            while echoes[0] < wanted and echoing.is_alive():
                time.sleep(0.01)
        finally:
            over.set()
            echoing.join()
        assert echoes[0] >= wanted, "the bystander is not served any more"
        assert max(_resident_bytes(server, first_line)) - before < growth_max
        assert _last(server, "sessions_open") == 1, "the bystander alone is left"


def _rude_close(peer: Peer) -> None:
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.connection.close()


@each_server
def test_announced_lengths_take_no_memory(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, *WS, "--max-message", "1GiB")
    with _others_unharmed(server, 32 * MEBIBYTE):
        liars = [Peer.open(server) for _ in range(50)]
        for liar in liars:
            liar.send(frame("binary", b"x" * 100, announce=1 << 30))
        _await_next_reading(server)
        for liar in liars:
            _rude_close(liar)
        _await_stat(server, "sessions_open", 1)
        assert _last(server, "closes_1006") == 50


@each_server
def test_too_much_is_refused_when_it_is_announced(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, *WS)
    with Peer.open(server) as peer:
        peer.send(frame("binary", b"", announce=1 << 30))
        assert peer.take_frame() == {"close": 1009}
        peer.take_end()
    _await_stat(server, "closes_1009", 1)


@each_server
def test_one_byte_fragments(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags, *WS)
    with _others_unharmed(server, 16 * MEBIBYTE):
        peers = [Peer.open(server) for _ in range(10)]
        for peer in peers:
            peer.send(frame("binary", b"x", fin=False))
            peer.send(b"".join(frame("continuation", b"x", fin=False) for _ in range(9_998)))
        _await_next_reading(server)
        for peer in peers:
            peer.send(frame("continuation", b"x"))
            assert peer.take_frame()["payload"] == b"x" * 10_000
            peer.connection.close()
        _await_stat(server, "sessions_open", 1)


@each_server
def test_a_flood_of_pings_by_a_client_that_does_not_read(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, *WS)
    flood = frame("ping", b"x" * 125) * 500
    with _others_unharmed(server, 32 * MEBIBYTE):
        peer = Peer.open(server)
        peer.connection.settimeout(0.3)
        sent = 0
        try:
            while sent < 64 * MEBIBYTE:
                sent += peer.connection.send(flood)
        except TimeoutError:
            pass  # held back: the server does not read what it cannot answer
        _await_next_reading(server)
        _rude_close(peer)
        _await_stat(server, "sessions_open", 1)


@each_server
def test_a_byte_at_a_time_is_served_and_holds_nobody_up(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    """As slow as a byte a second, or a hundred: nothing of the server waits for the next one."""
    server = start_server(*flags, *WS)
    with _others_unharmed(server, 16 * MEBIBYTE):
        slow = [Peer.open(server) for _ in range(50)]
        data = frame("text", b"slowly") + frame("ping", b"p") + frame("binary", b"x" * 200)
        for index in range(len(data)):
            for peer in slow:
                peer.send(data[index : index + 1])
        for peer in slow:
            answers = [peer.take_frame()["payload"] for _ in range(3)]
            assert answers == [b"slowly", b"p", b"x" * 200]
            peer.connection.close()
        _await_stat(server, "sessions_open", 1)


@each_server
def test_a_slow_handshake_is_closed(flags: tuple[str, ...], start_server: StartServer) -> None:
    """Bytes that go on coming do not prolong it."""
    server = start_server(*flags, *WS, "--handshake-timeout", "700ms")
    with Peer.open(server) as bystander, Peer.connect(server) as slow:
        slow.connection.settimeout(0.1)
        deadline = time.monotonic() + TIMEOUT_S
        closed = False
        for byte in b"GET / HTTP/1.1\r\n" + b"x" * 1_000:
            try:
                slow.send(bytes([byte]))
                closed = slow.connection.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
            if closed:
                break
        assert closed
        assert time.monotonic() < deadline
        bystander.echo()
    _await_stat(server, "handshakes_abandoned", 1)


@each_server
def test_half_closed_connections(flags: tuple[str, ...], start_server: StartServer) -> None:
    """A client that has said its last, also in mid-frame, hears its answers and the end."""
    server = start_server(*flags, *WS)
    with _others_unharmed(server, 16 * MEBIBYTE):
        for unfinished in (b"", HALF_A_FRAME):
            # The second turn would hold 30 MB if it was kept.
            for _ in range(300):
                half = Peer.open(server)
                half.send(frame("text", b"last words") + unfinished)
                half.connection.shutdown(socket.SHUT_WR)
                assert half.take_frame()["payload"] == b"last words"
                half.take_end()
                half.connection.close()
        # First the count, for one session is open in many a line before.
        _await_stat(server, "closes_1006", 600)
        _await_stat(server, "sessions_open", 1)
        _await_stat(server, "connections_open", 1)


@each_server
def test_resets_in_mid_frame(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags, *WS)
    cuts = (1, 5, 9, 60, len(HALF_A_FRAME))
    with _others_unharmed(server, 16 * MEBIBYTE):
        for cut in cuts:
            # The last turn would hold 40 MB if it was kept.
            for _ in range(400 if cut == cuts[-1] else 10):
                rude = Peer.open(server)
                rude.send(HALF_A_FRAME[:cut])
                _rude_close(rude)
        # First the count, for one session is open in many a line before.
        _await_stat(server, "closes_1006", 440)
        _await_stat(server, "sessions_open", 1)
        _await_stat(server, "connections_open", 1)


def _answer_pings(peer: Peer) -> None:
    while peer.take_frame()["op"] == "ping":
        peer.send(frame("pong"))


@each_server
def test_silent_clients_are_pinged_and_closed(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    server = start_server(*flags, *WS, "--ping-interval", "500ms", "--pong-timeout", "500ms")
    with Peer.open(server) as silent, Peer.open(server) as lively:
        answering = threading.Thread(target=_answer_pings, args=(lively,))
        answering.start()
        for _ in range(2):
            assert silent.take_frame()["op"] == "ping"
        assert silent.take_frame() == {"close": 1011}
        silent.take_end()
        _await_stat(server, "closes_1011", 1)
        # Beyond the time in which the other was given up.
        _await_stat(server, "pings_sent", 7)
        lively.send(frame("binary", b"the answer that ends the thread"))
        answering.join()
        assert _last(server, "sessions_open") == 1


@each_server
def test_idle_clients_are_closed_whatever_they_answer(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    times = ("--idle-timeout", "500ms", "--ping-interval", "100ms", "--pong-timeout", "50ms")
    server = start_server(*flags, *WS, *times)
    with Peer.open(server) as idle:
        while (answer := idle.take_frame()) != {"close": 1001}:
            assert answer["op"] == "ping"
            idle.send(frame("pong"))
        idle.take_end()
    _await_stat(server, "closes_1001", 1)


@each_server
def test_a_client_that_never_reads_is_given_up(
    flags: tuple[str, ...], start_server: StartServer
) -> None:
    times = ("--ping-interval", "200ms", "--pong-timeout", "200ms")
    server = start_server(*flags, *WS, *times)
    with Peer.open(server) as peer:
        peer.connection.settimeout(0.2)
        data = frame("binary", b"x" * 60_000) * 200
        with pytest.raises(OSError, match=r".*"):
            for _ in range(100):
                peer.connection.sendall(data)
        _await_stat(server, "sessions_open", 0)
        _await_stat(server, "connections_open", 0)


@each_server
def test_a_stop_says_goodbye_to_everyone(flags: tuple[str, ...], start_server: StartServer) -> None:
    server = start_server(*flags, *WS)
    peers = [Peer.open(server) for _ in range(200)]
    early = Peer.connect(server)
    half = Peer.open(server)
    half.send(frame("text", b"unfinished", fin=False))
    stuck = Peer.open(server)
    stuck.connection.settimeout(0.2)
    with pytest.raises(OSError, match=r".*"):
        for _ in range(100):
            stuck.connection.sendall(frame("binary", b"x" * 60_000) * 200)
    assert server.stop() == 143
    for peer in (*peers, half):
        assert peer.take_frame() == {"close": 1001}
        peer.take_end()
        peer.connection.close()
    early.take_end()
    early.connection.close()
    stuck.connection.close()
