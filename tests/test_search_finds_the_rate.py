"""c1m-load --search, end to end, on a server whose capacity is known by construction.

The server answers each request after a pause, one at a time over all connections, so that it cannot
answer more than 1 / PAUSE_S a second. An objective far above one pause and below what the queue
grows to in a step separates rates below from rates above.
"""

from __future__ import annotations

from conftest import RunLoad, StartFaulty, StartServer
from faulty_server import PAUSE_S

from c1m.documents import check

STEPS = ("-c", "2", "-d", "1500ms", "--warmup", "200ms", "--max-send-lag-p99", "1s")
RANGE = ("--search-rates", "20:20000", "--search-resolution", "40%", "--search-confidence", "70%")


def test_the_bracket_holds_the_capacity(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    target = f"127.0.0.1:{start_faulty('serial')}"
    run = run_load(target, *STEPS, *RANGE, "--search", "p50<120ms", timeout_s=180)
    assert run.exit_code == 0, run.stderr
    document = run.checked
    check("search", document)
    assert document["converged"], document["steps"]
    assert document["bound_by"] in ("objective", "generator"), "not the end of the range"
    # At a rate r above the capacity C half of the requests of a step wait for longer than about
    # (r / C - 1) * 0.85 s, so that a rate 20 % above is over the bound on any machine. How far the
    # answer lies below C depends on how late the server wakes up.
    assert document["held_rps"] <= 1.2 / PAUSE_S
    assert document["held_rps"] < document["failed_rps"] <= 1.5 * document["held_rps"]
    assert document["confidence"] >= 0.7
    assert len({step["seed"] for step in document["steps"]}) == len(document["steps"])
    best = document["held_run"]
    check("load", best)
    assert best["settings"]["rate_rps"] == document["held_rps"]
    assert "step   1" in run.stderr, "each step is shown as it ends"


def test_a_limit_of_the_generator_is_said(run_load: RunLoad, start_server: StartServer) -> None:
    """A send lag of nothing is out of reach, and no answer comes within a microsecond."""
    flags = ("-c", "2", "-d", "200ms", "--warmup", "0s", "--max-send-lag-p99", "0s")
    run = run_load(
        start_server("floor").target,
        *(*flags, "--search", "p99<1us", "--search-rates", "50:100", "--strict"),
    )
    document = run.checked
    assert run.exit_code == 99, "not even the lowest rate meets it"
    assert (document["held_rps"], document["failed_rps"]) == (None, 50)
    assert document["bound_by"] == "generator"
    assert {step["outcome"] for step in document["steps"]} == {"generator"}
    assert all("send_lag_p99_us" in step["invalid_reasons"][0] for step in document["steps"])


def test_a_lost_target_is_a_failure(run_load: RunLoad, start_server: StartServer) -> None:
    server = start_server("floor")
    server.stop()
    run = run_load(server.target, *STEPS, *RANGE, "--search", "p50<1s")
    assert run.exit_code == 1
    assert "ECONNREFUSED" in run.stderr
    check("search", run.checked)
    assert run.checked["steps"] == []
