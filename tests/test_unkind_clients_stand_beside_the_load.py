"""c1m-load --half-open, --slow and --reset: the load is answered beside them, and they are counted.

Small runs in which nothing depends on how fast the machine is; the bounds on the generator's pace
are lifted. Not here: clients that no flag makes (test_websocket_survives_hostile_clients.py).
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import SERVERS, LoadRun, RunLoad, Server, StartFaulty, StartServer

from c1m.documents import check

each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
each_protocol = pytest.mark.parametrize("protocol", ["echo", "ws"])
TIMEOUT_S = 20
# What a busy machine may fail, and a server may not.
OF_THE_MACHINE = {
    "generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law", "churn_achieved",
}  # fmt: skip
REQUEST_BYTES = 16
LOAD = ("-c", "20", "-R", "500", "-s", str(REQUEST_BYTES), "-d", "1500ms", "--warmup", "200ms")
# Fast enough for a slow client to get through some requests meanwhile, and with WebSocket through
# the two hundred bytes of its handshake on a machine that is busy with other things.
CLIENTS = {
    "echo": ("--half-open", "30", "--slow", "4:500B/s"),
    "ws": ("--half-open", "30", "--slow", "4:3000B/s"),
}
LIVES = ("--lifetime", "uniform:100ms-300ms", "--reset", "30%")


def _assert_sound(run: LoadRun) -> dict[str, Any]:
    """Everything but the pace holds, and no request of the load was harmed."""
    document = run.checked
    check("load", document)
    assert run.exit_code == 0, run.stderr
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    assert document["counts"]["answered"] == document["counts"]["planned"] > 0
    assert document["connections"]["at_end"] == document["connections"]["planned"] == 20
    assert document["connections"]["errors"] == {}
    return document


def _await_none_open(server: Server) -> dict[str, Any]:
    deadline = time.monotonic() + TIMEOUT_S
    while (total := server.stats()[-1]["total"])["connections_open"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dict(total)


@each_protocol
@each_server
def test_the_load_is_answered_beside_all_of_them(
    flags: tuple[str, ...], protocol: str, start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(*flags, "--protocol", protocol)
    document = _assert_sound(
        run_load(server.target, "--protocol", protocol, *LOAD, *CLIENTS[protocol], *LIVES)
    )
    half_open, slow = document["unkind"]["half_open"], document["unkind"]["slow"]
    for clients, asked in ((half_open, 30), (slow, 4)):
        assert clients["asked"] == clients["opened"] == clients["standing_at_end"] == asked
        assert clients["ended"] == clients["connects_failed"] == clients["corrupt"] == 0
        assert clients["standing_mean"] == pytest.approx(asked, rel=0.01)
    assert half_open["bytes_sent"] == half_open["answered"] == 0
    assert slow["bytes_sent"] > slow["answered"] > 0
    churn = document["churn"]
    assert churn["resets"] > 0
    assert churn["closed"] + churn["resets"] == churn["reopened"]
    assert churn["close_us"]["count"] == churn["closed"]
    total = _await_none_open(server)
    assert total["connections_accepted"] == 20 + churn["reopened"] + 30 + 4, "the server saw them"
    if protocol == "ws":
        # What has neither a Close nor a whole message at its end: resets, and clients at the end.
        assert total["closes_1006"] == churn["resets"] + 30 + 4
        assert document["websocket"]["handshake_us"]["count"] == 20 + churn["reopened"]


def test_shards_share_them_out_exactly(start_server: StartServer, run_load: RunLoad) -> None:
    server = start_server("floor")
    document = _assert_sound(
        run_load(server.target, *LOAD, "--half-open", "10", "--slow", "2", "--shards", "3")
    )
    assert document["unkind"]["half_open"]["standing_at_end"] == 10
    assert document["unkind"]["slow"]["standing_at_end"] == 2
    assert _await_none_open(server)["connections_accepted"] == 32


@each_server
def test_a_server_may_end_slow_handshakes(
    flags: tuple[str, ...], start_server: StartServer, run_load: RunLoad
) -> None:
    """They come back, so that the load is beside as many all the while."""
    server = start_server(*flags, "--protocol", "ws", "--handshake-timeout", "400ms")
    document = _assert_sound(run_load(server.target, "--protocol", "ws", *LOAD, "--slow", "10"))
    slow = document["unkind"]["slow"]
    assert slow["ended"] >= 10
    assert slow["opened"] == slow["ended"] + slow["standing_at_end"]
    assert slow["answered"] == 0
    assert sum(slow["end_errors"].values()) == slow["ended"]
    assert slow["ended_after_us"]["count"] == slow["ended"]


def test_a_server_that_does_not_let_them_stand_is_found_out(
    start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    """It closes what comes once the load's connections stand."""
    port = start_faulty("crowded", "parting_server.py")
    run = run_load(f"127.0.0.1:{port}", *LOAD, "--half-open", "5", "--strict")
    assert run.exit_code == 3, run.stderr
    assert "half_open_stood" in run.failed_checks()
    assert not run.failed_checks() & {"unkind_add_up", "established_at_end", "nothing_lost"}
    half_open = run.checked["unkind"]["half_open"]
    assert half_open["ended"] > 5, "they are tried again"
    assert half_open["standing_mean"] < 4


class _WrongToSlowClients(socketserver.BaseRequestHandler):
    """Echoes, but with wrong bytes to who has ever sent a part of a request: the others' are whole,
    however many of them come at a time.
    """

    def handle(self) -> None:
        """Serves one connection."""
        connection: socket.socket = self.request
        is_slow = False
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65_536):
                is_slow = is_slow or len(data) % REQUEST_BYTES != 0
                connection.sendall(bytes(byte ^ 1 for byte in data) if is_slow else data)


def test_wrong_bytes_for_slow_clients_are_found_out(run_load: RunLoad) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _WrongToSlowClients) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = f"127.0.0.1:{server.server_address[1]}"
        run = run_load(target, *LOAD, "--slow", "4:500B/s", "--strict")
        server.shutdown()
    assert run.exit_code == 3, run.stderr
    assert "slow_answered_right" in run.failed_checks()
    assert not run.failed_checks() & {"nothing_corrupt", "slow_stood", "unkind_add_up"}
    slow = run.checked["unkind"]["slow"]
    assert slow["corrupt"] >= slow["answered"] > 0, "and answers that the end cut short"


def test_the_text_and_the_settings_say_it(programs: Path, start_server: StartServer) -> None:
    server = start_server("floor")
    command: list[str | Path] = [programs / "c1m-load", "--target", server.target]
    command += [*LOAD, *CLIENTS["echo"], *LIVES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "half-open     30 asked, 30.0 stood on average, 0 ended by the server" in done.stdout
    assert "slow          4 asked, 4.0 stood on average" in done.stdout
    assert "in the middle of a request" in done.stdout
