"""c1m-load --protocol ws against every server: all answered, verified, pinged and closed.

Small runs in which nothing depends on how fast the machine is; the bounds on the generator's pace
are lifted.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT, SERVERS, LoadRun, RunLoad, StartServer, children_of

each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
# What a busy machine may fail, and a server may not.
OF_THE_MACHINE = {"generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law"}
WS = ("--protocol", "ws")


def _assert_sound(run: LoadRun, connections: int) -> dict[str, Any]:
    """Everything but the pace holds; returns the document's part about WebSocket."""
    document = run.checked
    assert run.exit_code == 0, run.stderr
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    counts = document["counts"]
    assert counts["answered"] == counts["planned"] > 0
    assert document["protocol"] == "ws"
    websocket: dict[str, Any] = document["websocket"]
    assert websocket["handshake_us"]["count"] == connections
    assert websocket["closes_sent"] == websocket["closes_answered"] == connections
    assert websocket["close_us"]["count"] == connections
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return websocket


def test_pings_that_the_end_overtook_are_sent(programs: Path, start_server: StartServer) -> None:
    """A generator that stands still over the end of its window catches up with all of its plan."""
    server = start_server("floor", *WS)
    command: list[str | Path] = [programs / "c1m-load", "--target", server.target, *WS]
    command += ["-c", "20", "-R", "500", "-d", "2s", "--warmup", "200ms", "--shards", "1"]
    command += ["--ws-ping-interval", "100ms", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        time.sleep(1.5)  # the window ends 2.2 s after the connections stand
        children = children_of(load.pid)
        for child in children:
            os.kill(child, signal.SIGSTOP)
        time.sleep(2.0)
        for child in children:
            os.kill(child, signal.SIGCONT)
        document = json.loads(load.communicate(timeout=60)[0])
    assert children
    websocket = document["websocket"]
    assert websocket["pings_sent"] + websocket["pings_skipped"] == 20 * 22


@each_server
def test_an_open_loop_of_text_with_pings(
    flags: tuple[str, ...], start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(*flags, *WS)
    run = run_load(
        server.target, *WS, "-c", "20", "-R", "500", "-d", "1s", "--warmup", "200ms",
        "--ws-opcode", "text", "--ws-ping-interval", "100ms",
    )  # fmt: skip
    websocket = _assert_sound(run, 20)
    # Each connection twelve times in 1.2 s, unless a pong took longer than that.
    assert websocket["pings_sent"] + websocket["pings_skipped"] == 240
    assert websocket["pongs_received"] == websocket["pings_sent"] > 0
    assert 0 < websocket["ping_rtt_us"]["count"] <= websocket["pings_sent"]
    server.stop()
    last = server.stats()[-1]["total"]
    assert last["sessions_opened"] == 20
    assert last["pings_received"] == websocket["pings_sent"]
    assert last["closes_1000"] == 20


@each_server
@pytest.mark.parametrize(
    ("opcode", "size", "fragment"),
    [("binary", "1-2KiB", "100"), ("text", "64", "1"), ("binary", "300KiB", "64KiB")],
)
def test_a_closed_loop_of_fragments_of_drawn_sizes(
    opcode: str,
    size: str,
    fragment: str,
    flags: tuple[str, ...],
    start_server: StartServer,
    run_load: RunLoad,
) -> None:
    server = start_server(*flags, *WS)
    run = run_load(
        server.target, *WS, "-c", "5", "-d", "400ms", "--warmup", "100ms", "--pipeline", "3",
        "--ws-opcode", opcode, "-s", size, "--ws-fragment", fragment,
    )  # fmt: skip
    _assert_sound(run, 5)


@each_server
@pytest.mark.parametrize(
    ("payload", "size", "fragment"),
    [("words", "1-2KiB", ()), ("words", "60KiB", ("--ws-fragment", "1000")), ("random", "64", ())],
)
def test_compressed_messages_are_answered_and_verified(
    payload: str,
    size: str,
    fragment: tuple[str, ...],
    flags: tuple[str, ...],
    start_server: StartServer,
    run_load: RunLoad,
) -> None:
    server = start_server(*flags, *WS, "--deflate")
    run = run_load(
        server.target, *WS, "-c", "5", "-d", "400ms", "--warmup", "100ms", "--pipeline", "3",
        "--ws-deflate", "--ws-payload", payload, "-s", size, *fragment,
    )  # fmt: skip
    websocket = _assert_sound(run, 5)
    assert (websocket["deflate_agreed"], websocket["deflate_declined"]) == (5, 0)
    everything = run.checked["counts"]["sent"] + run.checked["warmup_counts"]["sent"]
    assert websocket["compressed_sent"] == websocket["compressed_received"] == everything
    message_bytes = websocket["compressed_sent_message_bytes"]
    assert message_bytes == websocket["compressed_received_message_bytes"]
    # Both ends compress with the same library at the same level, each message as if it was alone.
    assert websocket["compressed_sent_bytes"] == websocket["compressed_received_bytes"]
    share = websocket["compressed_sent_bytes"] / message_bytes
    assert share < 0.75 if payload == "words" else 1 < share < 1.2
    assert run.checked["settings"]["ws_deflate"] is True
    assert run.checked["settings"]["ws_payload"] == payload
    server.stop()
    total = server.stats()[-1]["total"]
    assert total["message_bytes_received"] == message_bytes, "the server counts what was inflated"
    assert total["bytes_received"] < message_bytes or payload == "random"


@each_server
def test_a_server_that_declines_makes_the_run_not_valid(
    flags: tuple[str, ...], start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(*flags, *WS)
    run = run_load(
        server.target, *WS, "-c", "5", "-d", "200ms", "--warmup", "0s", "--ws-deflate", "--strict"
    )
    assert run.exit_code == 3
    assert run.failed_checks() - OF_THE_MACHINE == {"compression_agreed"}
    assert "declined permessage-deflate on 5 of 5 connections" in run.stderr
    websocket = run.checked["websocket"]
    assert (websocket["deflate_agreed"], websocket["deflate_declined"]) == (0, 5)
    assert websocket["compressed_sent"] == websocket["compressed_received"] == 0
    assert run.checked["counts"]["answered"] == run.checked["counts"]["planned"] > 0


@each_server
def test_idle_connections_answer_the_servers_pings(
    flags: tuple[str, ...], start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(*flags, *WS, "--ping-interval", "200ms", "--pong-timeout", "200ms")
    run = run_load(server.target, *WS, "-c", "30", "--idle", "-d", "1500ms")
    websocket = _assert_sound(run, 30)
    assert websocket["pings_received"] >= 30
    assert run.checked["counts"]["answered"] == 30
    # The whole of what the generator keeps for a connection.
    assert run.checked["generator"]["connection_bytes"] <= 72


def test_shards_add_up(start_server: StartServer, run_load: RunLoad, tmp_path: Path) -> None:
    server = start_server("floor", *WS, "--shards", "2")
    run = run_load(
        server.target, *WS, "-c", "21", "-R", "300", "-d", "1s", "--warmup", "100ms",
        "--shards", "3", "--ws-ping-interval", "300ms",
        "--histograms", str(tmp_path / "histograms"),
    )  # fmt: skip
    _assert_sound(run, 21)
    tables = {path.name for path in (tmp_path / "histograms").glob("*.hgrm")}
    assert {"handshake.hgrm", "ping_rtt.hgrm", "close.hgrm", "response.hgrm"} <= tables


def test_a_search_runs_over_websocket(
    start_server: StartServer, programs: Path, tmp_path: Path
) -> None:
    server = start_server("floor", *WS)
    out = tmp_path / "search.json"
    subprocess.run(
        [
            programs / "c1m-load", "--target", server.target, *WS, "-c", "5", "--search", "p50<5s",
            "--search-rates", "100:200", "--search-steps", "3", "-d", "200ms", "--warmup", "50ms",
            "--out", out,
        ],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    document = json.loads(out.read_text("utf-8"))
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    assert document["held_run"]["protocol"] == "ws"
    jsonschema.Draft202012Validator(schema).validate(document["held_run"])


def test_csv_and_thresholds(start_server: StartServer, programs: Path) -> None:
    server = start_server("floor", *WS)
    command: list[str | Path] = [programs / "c1m-load", "--target", server.target, *WS]
    command += ["-c", "5", "-d", "200ms"]
    command += ["--warmup", "0s", "--format", "csv", "--threshold", "errors<=0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    names, values = done.stdout.splitlines()
    row = dict(itertools.zip_longest(names.split(","), values.split(",")))
    assert row["protocol"] == "ws"
    assert float(row["handshake_p50_us"] or 0) > 0
    assert float(row["close_p50_us"] or 0) > 0


def test_an_echo_server_is_named_as_what_it_is_not(
    start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server("floor")
    run = run_load(server.target, *WS, "-c", "2", "-d", "1s")
    assert run.exit_code == 1
    assert "handshake: the server answered 'GET / HTTP/1.1'" in run.stderr
