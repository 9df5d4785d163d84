"""c1m-load --protocol ws against a server that lies: each fault is counted as what it is."""

from __future__ import annotations

import pytest
from conftest import LoadRun, RunLoad, StartFaulty
from faulty_websocket_server import FAULT_EVERY

FLAGS = ("--protocol", "ws", "-c", "4", "--warmup", "0s", "--strict")
TRAFFIC = ("-R", "400", "-d", "1s")
OF_THE_MACHINE = {"generator_cpu", "steal", "send_lag_p99_us", "rate_achieved", "littles_law"}


def _run(
    start_faulty: StartFaulty, run_load: RunLoad, fault: str, *flags: str, text: bool = True
) -> LoadRun:
    port = start_faulty(fault, "faulty_websocket_server.py")
    kind = ("--ws-opcode", "text") if text else ()
    traffic = () if "-R" in flags else TRAFFIC
    return run_load(f"127.0.0.1:{port}", *FLAGS, *traffic, *kind, *flags)


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


# What Python's server can inflate and compress also on a busy machine.
COMPRESSED = ("--ws-deflate", "--ws-payload", "words", "-s", "500", "-R", "100", "-d", "2s")


@pytest.mark.parametrize("fault", ["deflate-none", "deflate-plain"])
def test_an_honest_server_may_compress_or_not(
    fault: str, start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault, *COMPRESSED)
    assert run.failed_checks() <= OF_THE_MACHINE
    websocket, counts = run.checked["websocket"], run.checked["counts"]
    assert websocket["deflate_agreed"] == 4
    assert websocket["compressed_sent"] == counts["sent"]
    plain = counts["answered"] - websocket["compressed_received"]
    assert abs(plain - (counts["sent"] / FAULT_EVERY if fault == "deflate-plain" else 0)) <= 4
    assert websocket["compressed_received_bytes"] < websocket["compressed_received_message_bytes"]
    _assert_adds_up(run)


def test_what_was_compressed_is_verified_too(start_faulty: StartFaulty, run_load: RunLoad) -> None:
    run = _run(start_faulty, run_load, "deflate-wrong-bytes", *COMPRESSED)
    counts = run.checked["counts"]
    assert "nothing_corrupt" in run.failed_checks()
    assert abs(counts["corrupt"] - counts["sent"] / FAULT_EVERY) <= 4
    _assert_adds_up(run)


@pytest.mark.parametrize(
    ("fault", "why", "flags"),
    [
        ("rsv1-unasked", "a reserved bit is set", ()),
        ("rsv1-unasked", "a reserved bit is set", COMPRESSED),
        ("deflate-corrupt", "bad compressed data", COMPRESSED),
        ("deflate-cut", "bad compressed data", COMPRESSED),
        ("deflate-bomb", "a message that is too big", COMPRESSED),
    ],
)
def test_bad_compression_ends_its_connection(
    fault: str, why: str, flags: tuple[str, ...], start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault, *flags)
    document = run.checked
    assert document["connections"]["errors"] == {f"protocol error: {why}": 4}
    assert "protocol_kept" in run.failed_checks()
    # Nobody agreed to anything, and the run says so where it was asked for.
    declined = fault == "rsv1-unasked" and bool(flags)
    assert ("compression_agreed" in run.failed_checks()) == declined
    assert document["websocket"]["deflate_declined"] == (4 if declined else 0)
    assert document["generator"]["rss_bytes"] < 64 << 20, "the bombs inflate to 40 MB"
    _assert_adds_up(run)


@pytest.mark.parametrize(
    ("fault", "why", "flags"),
    [
        ("deflate-context", "compression with context takeover, which was not offered", COMPRESSED),
        ("deflate-window", "an extension parameter that was not offered", COMPRESSED),
        ("deflate-other", "an extension that was not offered", COMPRESSED),
        ("deflate-unasked", "an extension that was not offered", ()),
    ],
)
def test_an_answer_that_was_not_offered_is_refused(
    fault: str, why: str, flags: tuple[str, ...], start_faulty: StartFaulty, run_load: RunLoad
) -> None:
    run = _run(start_faulty, run_load, fault, *flags)
    assert run.exit_code == 1
    assert run.checked["connect"]["errors"] == {f"handshake: {why}": 4}


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
