"""c1m-load --lifetime: connections end in order and stand again, and whatever else happens is seen.

Small runs in which nothing depends on how fast the machine is; the bounds on the generator's pace
are lifted.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT, SERVERS, LoadRun, RunLoad, StartFaulty, StartServer

each_server = pytest.mark.parametrize("flags", SERVERS.values(), ids=SERVERS.keys())
each_protocol = pytest.mark.parametrize("protocol", ["echo", "ws"])
# What a busy machine may fail, and a server may not.
OF_THE_MACHINE = {
    "generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law", "churn_achieved",
}  # fmt: skip
LIFETIME = ("-c", "20", "--lifetime", "uniform:100ms-300ms")
# 20 connections of 200 ms for 1.2 s: some 120 ends, whose number the seed fixes.
LIVES = (*LIFETIME, "-d", "1s", "--warmup", "200ms")


def _assert_sound(run: LoadRun) -> dict[str, Any]:
    """Everything but the pace holds, and the lives add up; returns what became of these."""
    document = run.checked
    assert run.exit_code == 0, run.stderr
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    assert document["counts"]["answered"] == document["counts"]["planned"] > 0
    assert document["connections"]["at_end"] == document["connections"]["planned"] == 20
    assert document["connections"]["errors"] == {}
    churn: dict[str, Any] = document["churn"]
    assert churn["closed"] == churn["reopened"] == churn["ends_planned"] - churn["ends_skipped"] > 0
    for name in ("close_us", "connect_us", "away_us"):
        assert churn[name]["count"] == churn["closed"]
    assert churn["away_us"]["max"] >= churn["close_us"]["max"]
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return churn


@each_protocol
@each_server
def test_every_life_ends_in_order_and_loses_nothing(
    flags: tuple[str, ...], protocol: str, start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(*flags, "--protocol", protocol)
    run = run_load(server.target, "--protocol", protocol, "-R", "2000", *LIVES)
    churn = _assert_sound(run)
    server.stop()
    total = server.stats()[-1]["total"]
    assert total["connections_accepted"] == 20 + churn["reopened"], "the server saw them too"
    if protocol == "ws":
        websocket = run.checked["websocket"]
        assert websocket["handshake_us"]["count"] == 20 + churn["reopened"]
        assert websocket["closes_sent"] == websocket["closes_answered"] == 20 + churn["closed"]
        assert total["closes_1000"] == websocket["closes_sent"]


def test_the_seed_fixes_the_ends_on_any_number_of_shards(
    start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server("floor")
    ends = {
        _assert_sound(run_load(server.target, "-R", "500", *LIVES, "--shards", shards))[
            "ends_planned"
        ]
        for shards in ("1", "3")
    }
    assert len(ends) == 1


@pytest.mark.parametrize("mode", [("--pipeline", "4"), ("--idle",)])
def test_a_closed_loop_and_idle_connections_have_lives_too(
    mode: tuple[str, ...], start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server("coro")
    _assert_sound(run_load(server.target, *LIVES, *mode))


@pytest.mark.parametrize(
    ("fault", "check", "error"),
    [
        ("keeps", "lives_closed", ("close_errors", "ETIMEDOUT")),
        ("aborts", "lives_closed", ("close_errors", "ECONNRESET")),
        ("vanishes", "lives_reopened", ("connect_errors", "ECONNREFUSED")),
    ],
)
def test_a_server_that_does_not_let_connections_end_in_order_is_found_out(
    fault: str,
    check: str,
    error: tuple[str, str],
    start_faulty: StartFaulty,
    run_load: RunLoad,
) -> None:
    port = start_faulty(fault, "parting_server.py")
    run = run_load(
        f"127.0.0.1:{port}", *LIFETIME, "--idle", "-d", "2s", "--timeout", "300ms", "--strict",
    )  # fmt: skip
    churn = run.checked["churn"]
    assert check in run.failed_checks(), run.stderr
    assert "lives_add_up" not in run.failed_checks()
    assert churn[error[0]][error[1]] > 0
    assert run.exit_code in ((1, 3) if fault == "vanishes" else (3,))


def test_an_honest_server_passes_beside_them(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    port = start_faulty("none", "parting_server.py")
    _assert_sound(run_load(f"127.0.0.1:{port}", "-R", "500", *LIVES))


def test_the_text_and_the_settings_say_it(programs: Path, start_server: StartServer) -> None:
    server = start_server("floor")
    command: list[str | Path] = [programs / "c1m-load", "--target", server.target]
    command += ["-R", "500", *LIVES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "ended as planned (uniform:100ms-300ms)" in done.stdout
    assert "reopened" in done.stdout
    assert "away" in done.stdout
