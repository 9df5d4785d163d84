"""The known waits, against a queue that is walked request by request and against theory; what is
refused; and one short run of the real programs, of which only the order of things is demanded.
"""

import argparse
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_generators import require_built
from latency_error import (
    MAY_FAIL,
    Outcome,
    draw_arrivals,
    format_table,
    parse_loads,
    percentiles,
    read_latencies,
    run_one,
    waiting_times,
)

ROOT = Path(__file__).resolve().parent.parent
SPACING_S = 1e-4


def test_waits_are_those_of_a_queue_walked_by_hand() -> None:
    arrivals = draw_arrivals(9_000, 2, np.random.default_rng(7))
    next_s, walked = 0.0, []
    for arrival in arrivals:
        turn_s = max(arrival, next_s)
        walked.append(turn_s - arrival)
        next_s = turn_s + SPACING_S
    assert max(walked) > 5 * SPACING_S, "somebody waited"
    np.testing.assert_allclose(waiting_times(arrivals, SPACING_S), walked, rtol=0, atol=1e-9)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_the_mean_wait_is_that_of_a_queue_with_fixed_service(load: float) -> None:
    """M/D/1: rho S / (2 (1 - rho)); 2 million arrivals, bounds of 5 % (6 standard errors)."""
    arrivals = draw_arrivals(load / SPACING_S, 200 / load, np.random.default_rng(11))
    mean_s = float(waiting_times(arrivals, SPACING_S).mean())
    assert mean_s == pytest.approx(load * SPACING_S / (2 * (1 - load)), rel=0.05)


def test_arrivals_are_in_order_within_the_time_and_as_many_as_the_rate_says() -> None:
    arrivals = draw_arrivals(1_000, 30, np.random.default_rng(3))
    assert np.all(np.diff(arrivals) >= 0)
    assert arrivals[0] > 0 and arrivals[-1] < 30
    assert len(arrivals) == pytest.approx(30_000, abs=6 * 30_000**0.5)


def test_percentiles_go_by_their_names() -> None:
    assert percentiles(np.arange(1001.0)) == pytest.approx({"p50": 500, "p99": 990, "p999": 999})


@pytest.mark.parametrize("text", ["0", "100", "50,50", "-1", "nan"])
def test_loads_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="between 0 and 100"):
        parse_loads(text)


def test_loads_are_percents() -> None:
    assert parse_loads("5,99.5") == [5.0, 99.5]


def _document(*checks: dict[str, Any]) -> dict[str, Any]:
    return {
        "counts": {"planned": 7},
        "validity": {"checks": list(checks)},
        "latency_us": {"response": {"p50": 1.0}},
    }


def test_a_run_that_lost_something_ends_the_measurement() -> None:
    lost = {"name": "nothing_lost", "ok": False, "explanation": "3 requests were lost"}
    with pytest.raises(SystemExit, match="3 requests were lost"):
        read_latencies(_document(lost), 7)


def test_another_window_than_that_of_the_waits_ends_it() -> None:
    with pytest.raises(SystemExit, match="has 7 requests, not 8"):
        read_latencies(_document(), 8)


@pytest.mark.parametrize("name", sorted(MAY_FAIL))
def test_what_is_part_of_the_error_does_not(name: str) -> None:
    check = {"name": name, "ok": False, "explanation": "busy"}
    unknown = {"name": "nothing_lost", "ok": None, "explanation": "not checked"}
    assert read_latencies(_document(check, unknown), 7) == {"response": {"p50": 1.0}}


def test_the_table_has_the_difference_within_each_run() -> None:
    runs = [
        Outcome(
            expected={"p50": wait, "p99": 2 * wait, "p999": 3 * wait},
            response={"p50": wait + 30, "p99": 2 * wait + 40, "p999": 3 * wait + 50},
            send_lag_p99=9.0,
        )
        for wait in (100.0, 200.0, 300.0)
    ]
    _, p50, _, p999, lag = format_table({80.0: runs}).splitlines()
    assert re.sub(" +", " ", p50.strip()) == "80% p50 200 (100 to 300) 30.0 (30.0 to 30.0)"
    assert p999.endswith(" 50.0 (50.0 to 50.0)")
    assert lag.strip() == "send lag p99 9.0 (9.0 to 9.0)"


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"c1m-load is missing: cmake --preset release"):
        require_built(tmp_path)


def test_the_real_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run at half the capacity; nobody is answered before its turn."""
    # What a busy machine does to so short a run says nothing about the programs.
    for check in ("rate_achieved", "littles_law", "steal", "throttled", "softnet_drops"):
        monkeypatch.setitem(MAY_FAIL, check, "this run is not compared")
    cpus = sorted(os.sched_getaffinity(0))
    options = argparse.Namespace(
        build=ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev"),
        duration=1,
        capacity=1_000.0,
        connections=10,
        bytes=128,
        responder_cpu=cpus[0],
        generator_cpu=cpus[-1],
    )
    outcome = run_one(50, 5, options)
    assert outcome.expected["p999"] > outcome.expected["p50"] > 0
    for name, expected in outcome.expected.items():
        # Answers out of the order of sending change single waits a little.
        assert outcome.response[name] >= 0.9 * expected, name
