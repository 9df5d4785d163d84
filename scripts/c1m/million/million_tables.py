"""The tables of profile million: rows of texts, for terminal, Markdown and HTML alike.

Invariant: everything comes from the document; a figure that is null is a dash.
Not here: how a table looks (million_report.py), charts (million_charts.py).
"""

from collections.abc import Callable

from c1m.documents import Document
from c1m.million.slopes import FIGURES
from c1m.million.variant_rows import STALLS, parts_s
from c1m.pauses.attribution import CAUSES

TextRows = list[list[str]]

# The rows of the memory table; a name of FIGURES each.
_MEMORY_ROWS = {
    "server_user_bytes": "server, user memory (PSS)",
    "server_heap_bytes": "- of it heap",
    "server_stacks_bytes": "- of it stacks",
    "server_binary_bytes": "- of it binary",
    "server_page_tables_bytes": "server, page tables",
    "server_slab_bytes": "server, slab (its share)",
    "client_user_bytes": "generator, user memory (PSS)",
    "client_page_tables_bytes": "generator, page tables",
    "kernel_bytes": "kernel, both ends",
    "kernel_slab_bytes": "- of it slab",
    "kernel_stack_bytes": "- of it kernel stacks",
    "kernel_page_tables_bytes": "- of it page tables",
    "kernel_socket_buffer_bytes": "- of it TCP buffers",
    "other_bytes": "machine, in no row above",
}
assert set(_MEMORY_ROWS) == set(FIGURES)


def million_rows(document: Document) -> TextRows:
    """The million table: a heading, then a row a figure, a column a variant."""
    rows = document["summary"]
    table = [["", *[row["title"] for row in rows]]]
    table.append(["connections, all proven alive", *[f"{row['connections']:,}" for row in rows]])
    table.append(["connects/s", *[_estimate(row["connects_per_s"]) for row in rows]])
    table.append(
        ["connects/s over the floor's", *[_estimate(row["connects_over_floor"], 2) for row in rows]]
    )
    table.append(
        ["response p99, us, over all", *[_estimate(row["response_p99_us"]) for row in rows]]
    )
    table.append(
        [
            "- service p99, us, from the actual send",
            *[_estimate(row["service_p99_us"]) for row in rows],
        ]
    )
    table.append(
        ["- the generator's send lag p99, us", *[_estimate(row["send_lag_p99_us"]) for row in rows]]
    )
    table.append(["response p99, us, over a subset", *[_subset(row["subset"]) for row in rows]])
    table.append(
        [
            "machine's memory in use, GB",
            *[_estimate(row["used_bytes"], 2, scale=1e-9) for row in rows],
        ]
    )
    table.append(
        ["valid sessions", *[f"{row['valid_sessions']} of {row['sessions']}" for row in rows]]
    )
    return table


def memory_rows(document: Document) -> TextRows:
    """Bytes a connection, with the interval of the slope."""
    rows = document["summary"]
    table = [["bytes a connection", *[row["title"] for row in rows]]]
    for name, label in _MEMORY_ROWS.items():
        table.append([label, *[_estimate(row["bytes_per_connection"][name]) for row in rows]])
    return table


def wall_rows(document: Document) -> TextRows:
    """Where a variant could not go on, and why."""
    table = [["variant", "connections", "what ran out", "cause"]]
    for wall in document["walls"]:
        reached = f"{wall['reached']:,} of {wall['wanted']:,}"
        table.append([wall["variant"], reached, wall["kind"], wall["cause"]])
    return table


def pause_rows(document: Document) -> TextRows:
    """What the meters of pauses saw at the most connections; only a heading where none was on."""
    rows = document["summary"]
    if all(row["pauses"] is None for row in rows):
        return [["pauses"]]
    seen = [row["pauses"] for row in rows]
    table = [["pauses", *[row["title"] for row in rows]]]

    def add(label: str, value: Callable[[Document], str]) -> None:
        table.append([label, *["-" if block is None else value(block) for block in seen]])

    add("sessions, seconds of traffic", lambda each: f"{each['sessions']}, {each['window_s']:.0f}")
    add("longest time without an answer, ms", _silence_ms)
    add("- what chance exceeds once in a hundred, ms", _chance_ms)
    for name, label in _STALL_ROWS.items():
        add(label, _stall_ms(name))
    for cause in CAUSES:
        add(f"pauses put down to: {_CAUSE_WORDS.get(cause, cause)}", _count_of(cause))
    add("- a pause lasts at least, ms", lambda each: f"{each['shortest_us'] / 1000:,.0f}")
    return table


def part_rows(document: Document) -> TextRows:
    """How long each part of a session took, in s, by variant and in all."""
    sessions = document["sessions"]
    whole: Document = {"title": "all", "parts_s": parts_s(sessions), "sessions": len(sessions)}
    table = [["s", "sessions", *whole["parts_s"], "in all"]]
    for row in [*document["summary"], whole]:
        seconds = list(row["parts_s"].values())
        texts = [f"{each:,.0f}" for each in [*seconds, sum(seconds)]]
        table.append([row["title"], f"{row['sessions']}", *texts])
    return table


_STALL_ROWS = {
    "workers": "longest stall of a worker, ms",
    "server_cpus": "longest stall of the server's CPUs, ms",
    "generator_loops": "longest stall of a loop of the generator, ms",
}
assert set(_STALL_ROWS) == set(STALLS)
_CAUSE_WORDS = {"worker": "some workers", "all_workers": "all workers (STW-like)"}


def _silence_ms(block: Document) -> str:
    longest_us = block["longest_silence_us"]
    return "below 1" if longest_us is None else f"{longest_us / 1000:,.1f}"


def _chance_ms(block: Document) -> str:
    bound_us = block["unexpected_silence_us"]
    return "-" if bound_us is None else f"{bound_us / 1000:,.1f}"


def _stall_ms(name: str) -> Callable[[Document], str]:
    def text(block: Document) -> str:
        longest_us = block["longest_stall_us"][name]
        if longest_us == 0:
            return f"below {block['tick_us'] / 1000:g}"
        return "-" if longest_us is None else f"{longest_us / 1000:,.1f}"

    return text


def _count_of(cause: str) -> Callable[[Document], str]:
    return lambda block: f"{block['by_cause'][cause]:,}"


def _subset(found: Document | None) -> str:
    if found is None:
        return "-"
    return f"{_estimate(found['response_p99_us'])} (of {found['connections']:,})"


def _estimate(found: Document | None, digits: int = 0, scale: float = 1.0) -> str:
    if found is None:
        return "-"
    value, low, high = (found[name] * scale for name in ("value", "low", "high"))
    text = f"{value:,.{digits}f}"
    return text if low == high else f"{text} ({low:,.{digits}f} to {high:,.{digits}f})"
