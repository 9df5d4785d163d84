"""c1m-load --protocol ws against a server that lies: each fault is counted as what it is."""

from __future__ import annotations

import pytest
from conftest import LoadRun, RunLoad, StartFaulty
from faulty_websocket_server import FAULT_EVERY

FLAGS = ("--protocol", "ws", "-c", "4", "-R", "400", "-d", "1s", "--warmup", "0s", "--strict")
OF_THE_MACHINE = {"generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law"}


def _run(
    start_faulty: StartFaulty, run_load: RunLoad, fault: str, *flags: str, text: bool = True
) -> LoadRun:
    port = start_faulty(fault, "faulty_websocket_server.py")
    kind = ("--ws-opcode", "text") if text else ()
    return run_load(f"127.0.0.1:{port}", *FLAGS, *kind, *flags)


def _assert_adds_up(run: LoadRun) -> None:
    counts = run.checked["counts"]
    assert counts["planned"] == counts["sent"] + counts["unsent"]
    assert counts["sent"] == counts["answered"] + counts["lost"] + counts["in_flight_at_end"]
    assert "counts_add_up" not in run.failed_checks()


def test_an_honest_server_passes(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(start_faulty, run_load, "none", "--ws-ping-interval", "200ms", text=False)
    assert run.failed_checks() <= OF_THE_MACHINE
    assert run.checked["counts"]["answered"] == run.checked["counts"]["planned"] > 0
    _assert_adds_up(run)


@pytest.mark.parametrize("fault", ["wrong-bytes", "wrong-length", "wrong-opcode"])
def test_a_wrong_answer_is_corrupt(
    fault: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault)
    counts = run.checked["counts"]
    assert run.exit_code == 3
    assert "nothing_corrupt" in run.failed_checks()
    assert abs(counts["corrupt"] - counts["sent"] / FAULT_EVERY) <= 4
    assert counts["lost"] == 0
    _assert_adds_up(run)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("masked", "protocol error: a masked frame from a server"),
        ("reserved-bit", "protocol error: a reserved bit is set"),
        ("close-1001", "Close 1001"),
    ],
)
def test_a_connection_that_ends_is_named(
    fault: str, why: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault)
    document = run.checked
    assert document["valid"] is False
    assert document["connections"]["errors"] == {why: 4}
    assert "established_at_end" in run.failed_checks()
    assert ("protocol_kept" in run.failed_checks()) == why.startswith("protocol error")
    assert document["counts"]["lost"] > 0
    _assert_adds_up(run)


def test_a_swallowed_message_is_lost(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(start_faulty, run_load, "swallow", "--timeout", "500ms")
    counts = run.checked["counts"]
    assert run.failed_checks() & {"nothing_lost", "nothing_in_flight_at_end"}
    missing = counts["lost"] + counts["in_flight_at_end"]
    assert abs(missing - counts["sent"] / FAULT_EVERY) <= 4
    assert counts["corrupt"] == 0
    _assert_adds_up(run)


def test_a_message_nobody_asked_for_is_found(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(start_faulty, run_load, "twice")
    assert "nothing_corrupt" in run.failed_checks()
    _assert_adds_up(run)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("wrong-accept", "handshake: Sec-WebSocket-Accept does not belong to our key"),
        ("refuse", "handshake: the server answered 'HTTP/1.1 503 Service Unavailable'"),
        ("silent-handshake", "handshake: ETIMEDOUT"),
    ],
)
def test_a_handshake_that_fails_is_a_failure_that_is_named(
    fault: str, why: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault, "--timeout", "500ms")
    assert run.exit_code == 1
    assert why in run.stderr
    assert "0 of 4 connections were established" in run.stderr
    assert why in run.checked["connect"]["errors"]


@pytest.mark.parametrize(
    ("fault", "check"),
    [("no-pong", "pings_answered"), ("no-close", "closes_answered"),
     ("other-close", "closes_answered")],
)  # fmt: skip
def test_an_unanswered_control_frame_fails_its_check(
    fault: str, check: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault, "--ws-ping-interval", "200ms", "--timeout", "500ms")
    assert run.exit_code == 3
    assert run.failed_checks() - OF_THE_MACHINE == {check}
    _assert_adds_up(run)
