"""What a server's stats lines say about the window of a load generator's run.

Invariant: only lines whose time lies inside the window count, so that connecting, warm-up and drain
stay out.
Formula: CPU a request = (cpu_us at the last line - cpu_us at the first) / requests between the two
lines, requests = (bytes_received at the last - at the first) / message size; over WebSocket, whose
server counts messages, requests = messages_received at the last - at the first.
Not here: reading the lines (server.py); medians over repetitions (summary.py).
"""

import statistics
from typing import Any

from c1m.documents import Document

_SERIES = (
    "cpu_us",
    "rss_bytes",
    "pss_bytes",
    "threads",
    "connections_open",
    "bytes_received",
    "context_switches_voluntary",
    "context_switches_involuntary",
    "run_queue_delay_us",
    "page_faults_minor",
    "page_faults_major",
)

_FIGURES = (
    "cpu_us_per_request",
    "cpu_utilization",
    "cpu_system_fraction",
    "requests",
    "span_s",
    "pss_bytes",
    "rss_bytes",
    "threads",
    "context_switches_per_request",
    "run_queue_delay_us_per_request",
    "page_faults_major",
)


# The field of a stats line whose reason explains why a figure is null.
_SOURCES = {
    "pss_bytes": "pss_bytes",
    "rss_bytes": "rss_bytes",
    "cpu_us_per_request": "cpu_us",
    "context_switches_per_request": "context_switches_voluntary",
    "run_queue_delay_us_per_request": "run_queue_delay_us",
}


def server_figures(
    lines: list[Document], window: Document | None, message_bytes: int | None
) -> Document:
    """The "server" object of a cell. Without `message_bytes` requests are the server's messages."""
    start_ns = (
        window["start_monotonic_ns"] if window else (lines[0]["monotonic_ns"] if lines else 0)
    )
    figures: Document = dict.fromkeys(_FIGURES)
    figures["unavailable"] = {}
    figures["samples"] = [_sample(line, start_ns) for line in lines]
    if window is None:
        return _all_unavailable(figures, "there is no measured window")
    end_ns = window["end_monotonic_ns"]
    inside = [line for line in lines if start_ns <= line["monotonic_ns"] <= end_ns]
    if not inside:
        return _all_unavailable(figures, "no stats line lies inside the window")
    for name in ("pss_bytes", "rss_bytes", "threads"):
        _set(figures, name, _median(inside, name))
    if len(inside) < 2:
        return _all_unavailable(figures, "only one stats line lies inside the window")
    _add_rates(figures, inside[0], inside[-1], message_bytes)
    reasons = inside[-1]["unavailable"]
    for name in figures["unavailable"].keys() & _SOURCES.keys():
        figures["unavailable"][name] = reasons.get(_SOURCES[name], figures["unavailable"][name])
    return figures


def _add_rates(
    figures: Document, first: Document, last: Document, message_bytes: int | None
) -> None:
    before, after = first["total"], last["total"]
    span_us = (last["monotonic_ns"] - first["monotonic_ns"]) / 1000
    cpu_us = _difference(before, after, "cpu_us")
    user_us, system_us = (
        _difference(before, after, "cpu_user_us"),
        _difference(before, after, "cpu_system_us"),
    )
    if message_bytes is None:
        requests = _difference(before, after, "messages_received")
    else:
        received = _difference(before, after, "bytes_received")
        requests = None if received is None else received / message_bytes
    voluntary = _difference(before, after, "context_switches_voluntary")
    involuntary = _difference(before, after, "context_switches_involuntary")
    switches = None if voluntary is None or involuntary is None else voluntary + involuntary
    both_us = None if user_us is None or system_us is None else user_us + system_us
    _set(figures, "span_s", span_us / 1e6)
    _set(figures, "requests", requests)
    _set(figures, "cpu_utilization", _ratio(cpu_us, span_us))
    _set(figures, "cpu_system_fraction", _ratio(system_us, both_us))
    _set(figures, "cpu_us_per_request", _ratio(cpu_us, requests))
    _set(figures, "context_switches_per_request", _ratio(switches, requests))
    delay_us = _difference(before, after, "run_queue_delay_us")
    _set(figures, "run_queue_delay_us_per_request", _ratio(delay_us, requests))
    _set(figures, "page_faults_major", _difference(before, after, "page_faults_major"))


def _set(figures: Document, name: str, value: float | None) -> None:
    figures[name] = value
    if value is None:
        figures["unavailable"][name] = "no request lies between the lines, or they do not hold it"


def _all_unavailable(figures: Document, reason: str) -> Document:
    for name in _FIGURES:
        if figures[name] is None:
            figures["unavailable"][name] = reason
    return figures


def _sample(line: Document, start_ns: int) -> Document:
    total: dict[str, Any] = line["total"]
    return {
        "t_s": round((line["monotonic_ns"] - start_ns) / 1e9, 4),
        **{name: total.get(name) for name in _SERIES},
    }


def _median(lines: list[Document], name: str) -> float | None:
    values = [line["total"][name] for line in lines if line["total"].get(name) is not None]
    return float(statistics.median(values)) if values else None


def _difference(before: Document, after: Document, name: str) -> float | None:
    first, last = before.get(name), after.get(name)
    return None if first is None or last is None else float(last - first)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
