"""What stats lines say about a window, on lines made for the purpose."""

from typing import Any

import pytest

from c1m.server_figures import server_figures

COUNTERS = [
    "cpu_us",
    "cpu_user_us",
    "cpu_system_us",
    "bytes_received",
    "context_switches_voluntary",
    "context_switches_involuntary",
    "run_queue_delay_us",
    "page_faults_major",
]


def line(time_s: float, **rates: float) -> dict[str, Any]:
    """A stats line whose counters grow by `rates` a second."""
    total: dict[str, Any] = {name: rates.get(name, 0.0) * time_s for name in COUNTERS}
    total |= {"pss_bytes": 5e6, "rss_bytes": 6e6, "threads": 3, "connections_open": 100}
    total |= {"page_faults_minor": 0}
    return {"monotonic_ns": int(time_s * 1e9), "total": total, "unavailable": {}}


# 0.5 of a core, 50,000 requests of 64 bytes a second: 10 us a request.
RATES = {
    "cpu_us": 500_000,
    "cpu_user_us": 100_000,
    "cpu_system_us": 400_000,
    "bytes_received": 64 * 50_000,
    "context_switches_voluntary": 25_000,
    "run_queue_delay_us": 5_000,
}
WINDOW = {"start_monotonic_ns": 2_000_000_000, "end_monotonic_ns": 6_000_000_000}


def test_figures_follow_the_formula() -> None:
    lines = [line(index * 0.25, **RATES) for index in range(40)]
    found = server_figures(lines, WINDOW, 64)
    assert found["cpu_us_per_request"] == pytest.approx(10)
    assert found["cpu_utilization"] == pytest.approx(0.5)
    assert found["cpu_system_fraction"] == pytest.approx(0.8)
    assert found["requests"] == pytest.approx(50_000 * 4)
    assert found["span_s"] == pytest.approx(4)
    assert found["context_switches_per_request"] == pytest.approx(0.5)
    assert found["run_queue_delay_us_per_request"] == pytest.approx(0.1)
    assert (found["pss_bytes"], found["rss_bytes"], found["threads"]) == (5e6, 6e6, 3)
    assert found["unavailable"] == {}
    assert len(found["samples"]) == 40
    assert found["samples"][0]["t_s"] == -2


def test_lines_outside_the_window_do_not_count() -> None:
    before = [line(index * 0.25, **RATES) for index in range(8)]
    inside = [line(2 + index * 0.25, **RATES) for index in range(17)]
    # After the window the server burns CPU time without a request.
    after = [line(6.5 + index, **{**RATES, "cpu_us": 5e6}) for index in range(3)]
    found = server_figures(before + inside + after, WINDOW, 64)
    assert found["cpu_us_per_request"] == pytest.approx(10)
    assert found["span_s"] == pytest.approx(4)


@pytest.mark.parametrize(
    ("times", "reason"),
    [([], "no stats line"), ([0.5], "no stats line"), ([3.0], "only one stats line")],
)
def test_without_lines_figures_are_null_with_a_reason(times: list[float], reason: str) -> None:
    found = server_figures([line(time, **RATES) for time in times], WINDOW, 64)
    assert found["cpu_us_per_request"] is None
    assert reason in found["unavailable"]["cpu_us_per_request"]


def test_without_a_window_figures_are_null_and_samples_stay() -> None:
    found = server_figures([line(1, **RATES), line(2, **RATES)], None, 64)
    assert found["cpu_us_per_request"] is None
    assert [sample["t_s"] for sample in found["samples"]] == [0, 1]


def test_no_request_means_no_ratio() -> None:
    lines = [line(index * 0.25, **{**RATES, "bytes_received": 0}) for index in range(40)]
    found = server_figures(lines, WINDOW, 64)
    assert found["cpu_us_per_request"] is None
    assert found["cpu_utilization"] == pytest.approx(0.5)
    assert "cpu_us_per_request" in found["unavailable"]


def test_over_websocket_a_request_is_a_message_that_the_server_counts() -> None:
    lines = [line(index * 0.25, **RATES) for index in range(40)]
    for index, each in enumerate(lines):
        each["total"]["messages_received"] = 6_250 * index
    found = server_figures(lines, WINDOW, None)
    # Half as many as the bytes would say.
    assert found["requests"] == pytest.approx(25_000 * found["span_s"])
    assert server_figures(lines, WINDOW, 64)["requests"] == pytest.approx(2 * found["requests"])


def test_a_counter_that_could_not_be_read_is_null() -> None:
    lines = [line(index * 0.25, **RATES) for index in range(40)]
    for each in lines:
        each["total"]["run_queue_delay_us"] = None
        each["unavailable"]["run_queue_delay_us"] = "too many threads"
    found = server_figures(lines, WINDOW, 64)
    assert found["run_queue_delay_us_per_request"] is None
    assert found["unavailable"] == {"run_queue_delay_us_per_request": "too many threads"}
    assert found["cpu_us_per_request"] == pytest.approx(10)
