"""c1m-load --connect-rate: every attempt stands in the timeline, and what the kernel did beside it.

Not here: how fast a storm is; that the accept queue overflows is a failed check
(test_validity_checks_fire.py).
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from conftest import BACKENDS, ROOT, RunLoad, StartFaulty, StartServer
from crowded_server import crowded_server
from parting_server import ROOM

INTERVAL_S = 0.1


def _sums(document: dict[str, Any]) -> dict[str, int]:
    timeline = document["connect"]["timeline"]
    return {name: sum(row[name] for row in timeline) for name in timeline[0] if name != "t_s"}


@pytest.mark.parametrize("protocol", ["echo", "ws"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_at_once(
    backend: str, protocol: str, start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(backend, "--protocol", protocol)
    run = run_load(
        server.target, "--protocol", protocol, "-c", "500", "--connect-rate", "max", "--idle",
        "-d", "100ms", "--shards", "2",
    )  # fmt: skip
    document = run.checked
    assert run.exit_code == 0, run.stderr
    assert _sums(document) == {"attempted": 500, "established": 500, "failed": 0}
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)


def test_a_pace_spreads_the_attempts(start_server: StartServer, run_load: RunLoad) -> None:
    """The plan's k-th attempt never leaves before its time, so no prefix has more than the pace."""
    server = start_server("floor")
    run = run_load(server.target, "-c", "100", "--connect-rate", "100", "--idle", "-d", "100ms")
    timeline = run.checked["connect"]["timeline"]
    assert len(timeline) >= 10
    attempted = 0
    for row in timeline:
        attempted += row["attempted"]
        assert attempted <= 1 + 100 * (row["t_s"] + INTERVAL_S)
    assert attempted == 100


def test_syns_that_were_sent_again_are_counted(
    start_server: StartServer, run_load: RunLoad
) -> None:
    """A server that stands still, with room for one connection in its queue, for a while."""
    with crowded_server(start_server) as target:
        run = run_load(
            target, "-c", "10", "--connect-rate", "max", "--idle", "-d", "100ms",
            "--timeout", "50s",
        )  # fmt: skip
    document = run.checked
    assert document["host"]["syn_retransmits"] >= 5
    assert document["connect"]["latency_us"]["max"] > 900_000
    assert _sums(document) == {"attempted": 10, "established": 10, "failed": 0}


def test_a_refusal_is_in_the_timeline_too(run_load: RunLoad) -> None:
    run = run_load("127.0.0.1:1", "-c", "50", "--connect-rate", "max", "--idle")
    assert run.exit_code == 1
    sums = _sums(run.checked)
    assert sums["established"] == 0
    assert sums["failed"] == sums["attempted"] == run.checked["connect"]["errors"]["ECONNREFUSED"]


@pytest.mark.parametrize("protocol", ["echo", "ws"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ramp_that_is_not_refused_ends_at_its_limit(
    backend: str, protocol: str, start_server: StartServer, run_load: RunLoad
) -> None:
    server = start_server(backend, "--protocol", protocol)
    run = run_load(
        server.target, "--protocol", protocol, "-c", "50", "--until-refused", "--idle",
        "-d", "100ms",
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert run.checked["wall"] == {"established": 50, "limit": 50, "refused": None}
    assert run.checked["counts"]["answered"] == 50


@pytest.mark.parametrize(
    ("fault", "refusals"),
    [
        # What was in the queue of the listener when it was closed is reset.
        ("full", {("connect", "ECONNREFUSED"), ("recv", "ECONNRESET")}),
        ("crowded", {("recv", "closed by peer")}),
    ],
)
def test_a_ramp_ends_at_the_first_refusal_and_holds_what_it_has(
    fault: str,
    refusals: set[tuple[str, str]],
    start_faulty: StartFaulty,
    run_load: RunLoad,
) -> None:
    port = start_faulty(fault, "parting_server.py")
    run = run_load(
        f"127.0.0.1:{port}", "-c", "200", "--until-refused", "--connect-rate", "50", "--idle",
        "-d", "500ms", "--shards", "2",
    )  # fmt: skip
    document = run.checked
    assert run.exit_code == 0, run.stderr
    wall = document["wall"]
    assert wall["limit"] == 200
    assert (wall["refused"]["call"], wall["refused"]["reason"]) in refusals
    assert wall["refused"]["t_s"] > 0
    assert wall["established"] == document["connections"]["established"] == ROOM
    assert document["connections"]["at_end"] == document["counts"]["answered"] == ROOM
    assert _sums(document)["attempted"] < 200, "the ramp ended by itself"
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)


def test_a_ramp_that_is_refused_at_once_has_failed(run_load: RunLoad) -> None:
    run = run_load("127.0.0.1:1", "-c", "50", "--until-refused", "--idle", "-d", "100ms")
    assert run.exit_code == 1
    assert "cannot connect to 127.0.0.1:1: ECONNREFUSED" in run.stderr
    wall = run.checked["wall"]
    assert wall["established"] == 0
    assert (wall["refused"]["call"], wall["refused"]["reason"]) == ("connect", "ECONNREFUSED")


def test_until_refused_needs_idle(run_load: RunLoad) -> None:
    run = run_load("127.0.0.1:1", "--until-refused")
    assert run.exit_code == 2
    assert "--until-refused: needs --idle" in run.stderr
