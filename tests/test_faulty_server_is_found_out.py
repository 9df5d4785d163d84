"""c1m-load against a server that lies: each fault is counted as what it is, and is not valid."""

from __future__ import annotations

import pytest
from conftest import LoadRun, RunLoad, StartFaulty
from faulty_server import FAULT_EVERY, LATE_BY_S

# A rate at which even a slow machine's Python server keeps up; every connection sees some faults.
FLAGS = ("-c", "4", "-R", "400", "-d", "3s", "--warmup", "0s", "--strict", "-s", "64")


def _run(run_load: RunLoad, port: int, *flags: str) -> LoadRun:
    return run_load(f"127.0.0.1:{port}", *FLAGS, *flags)


def _assert_adds_up(run: LoadRun) -> None:
    counts = run.checked["counts"]
    assert counts["planned"] == counts["sent"] + counts["unsent"]
    assert counts["sent"] == counts["answered"] + counts["lost"] + counts["in_flight_at_end"]
    assert "counts_add_up" not in run.failed_checks()


def test_an_honest_server_passes_strictly(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    # The send lag depends on how busy the machine is, not on the server: its bound is lifted here.
    run = _run(run_load, start_faulty("none"), "--max-send-lag-p99", "1s")
    counts = run.checked["counts"]
    assert run.failed_checks() <= {"generator_cpu", "steal"}
    assert counts["answered"] == counts["planned"] > 1000
    assert counts["lost"] == counts["corrupt"] == counts["late"] == counts["unsent"] == 0


def test_a_changed_byte_is_counted_as_corrupt(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(run_load, start_faulty("corrupt"))
    counts = run.checked["counts"]
    assert run.exit_code == 3
    assert "nothing_corrupt" in run.failed_checks()
    # One message in FAULT_EVERY of each of the four connections.
    assert abs(counts["corrupt"] - counts["sent"] / FAULT_EVERY) <= 4
    assert counts["lost"] == 0
    _assert_adds_up(run)


def test_a_swallowed_request_is_counted_as_lost(
    start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(run_load, start_faulty("swallow"), "--timeout", "1s")
    counts = run.checked["counts"]
    assert run.exit_code == 3
    assert run.failed_checks() & {"nothing_lost", "nothing_in_flight_at_end"}
    # A swallowed request that no later one followed stays in flight until the end.
    missing = counts["lost"] + counts["in_flight_at_end"]
    assert abs(missing - counts["sent"] / FAULT_EVERY) <= 4
    assert counts["corrupt"] == 0
    # Those have waited for the whole timeout, and count at that.
    assert counts["timed_out"] == counts["in_flight_at_end"]
    response = run.checked["latency_us"]["response"]
    assert response["count"] == counts["answered"] + counts["timed_out"]
    assert counts["timed_out"] == 0 or response["max"] >= 1e6
    _assert_adds_up(run)


@pytest.mark.parametrize("fault", ["close", "reset"])
def test_a_connection_closed_early_is_noticed(
    fault: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(run_load, start_faulty(fault))
    document = run.checked
    # All four connections are gone before the end: the target is lost, a failure in itself.
    assert run.exit_code == 1
    assert document["partial"] is True
    assert document["valid"] is False
    assert document["connections"]["at_end"] < document["connections"]["established"]
    assert "established_at_end" in run.failed_checks()
    assert document["counts"]["lost"] > 0
    _assert_adds_up(run)


def test_an_answer_after_the_timeout_is_late_and_recorded_at_its_latency(
    start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(run_load, start_faulty("late"), "--timeout", "1s")
    counts = run.checked["counts"]
    assert run.exit_code == 3
    assert "nothing_late" in run.failed_checks()
    assert counts["late"] > 0
    assert run.checked["latency_us"]["response"]["max"] >= LATE_BY_S * 1e6
    _assert_adds_up(run)


def test_bytes_nobody_asked_for_are_corrupt(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(run_load, start_faulty("extra"))
    assert run.exit_code == 3
    assert "nothing_corrupt" in run.failed_checks()
    _assert_adds_up(run)
