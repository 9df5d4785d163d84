"""The tables of a run as text, once for all renderers: terminal, Markdown, HTML.

Invariant: every renderer shows the same words; a struck entry is shown struck out by each of them.
Not here: where the figures come from (summary.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller

from c1m.backends import FLOOR, OTHER_STACKS
from c1m.documents import Document
from c1m.estimates import Estimate
from c1m.pauses.attribution import CAUSES
from c1m.report import summary
from c1m.report.summary import Group, Sample


@dataclass(frozen=True)
class Entry:
    """One entry of a table: a figure, its interval or a remark in smaller type, and whether it is
    struck out.
    """

    text: str
    detail: str = ""
    struck: bool = False


@dataclass(frozen=True)
class Row:
    """A row: what it shows, and an entry a backend in the order of the table's columns."""

    label: str
    entries: list[Entry]


@dataclass(frozen=True)
class TextTable:
    """A table with a column for each backend; `anchor` is its place in docs/methodology.md."""

    title: str
    anchor: str
    backends: list[str]
    rows: list[Row]


NOTHING = Entry("-")


def all_tables(run: Document) -> list[TextTable]:
    """Every table that the run has figures for."""
    tables = [_latency(run), _efficiency(run), _capacity(run), _connect(run), _memory(run)]
    tables.append(_pauses(run))
    tables += [_latency(run, "ws"), _efficiency(run, "ws"), _memory(run, "ws")]
    return [table for table in tables if table.rows]


def _title(text: str, protocol: str) -> str:
    return text if protocol == "echo" else f"WebSocket: {text[0].lower()}{text[1:]}"


def figure(value: float, digits: int = 3) -> str:
    """A number with about `digits` significant digits and thousands separated."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    decimals = 0
    while magnitude < 10 ** (digits - 1) and decimals < digits:
        magnitude *= 10
        decimals += 1
    return f"{value:,.{decimals}f}"


def entry(estimate: Estimate | None, struck: bool = False) -> Entry:
    """A median with its interval; a single repetition says so by having none."""
    if estimate is None:
        return NOTHING
    detail = f"{figure(estimate.low)} to {figure(estimate.high)}" if estimate.count > 1 else ""
    return Entry(figure(estimate.value), detail, struck)


def _row(label: str, group: Group, value: Callable[[Sample], Estimate | None]) -> Row:
    return Row(label, [entry(value(sample), sample.struck) for sample in group.samples])


def _latency(run: Document, protocol: str = "echo") -> TextTable:
    rows = []
    for group in summary.groups_of(run, "latency", protocol):
        where = f"{group.connections:,} connections, {group.rate_rps or 0:,.0f} requests/s"
        for percentile in ("p50", "p99", "p999"):
            read = methodcaller("median", summary.response_us(percentile))
            rows.append(_row(f"{_percentile_name(percentile)}, {where}", group, read))
        if protocol == "ws":
            read = methodcaller("median", summary.handshake_p99_us)
            rows.append(
                _row(f"opening handshake, p99, {group.connections:,} connections", group, read)
            )
    title = _title("Response time, us", protocol)
    return TextTable(title, "latency", run["run"]["backends"], rows)


def _pauses(run: Document) -> TextTable:
    figures = {
        "longest time without an answer": summary.longest_silence_us,
        "the longest to be expected": summary.expected_silence_us,
        "longest stall of a worker": summary.longest_stall_us("server", "loop"),
        "longest stall of the server's CPU": summary.longest_stall_us("server", "hiccup"),
        "longest stall of the generator": summary.longest_stall_us("generator", "loop"),
    }
    figures |= {
        f"pauses put down to: {cause.replace('_', ' ')}": summary.pauses_put_down_to(cause)
        for cause in CAUSES
    }
    rows = []
    for group in summary.groups_of(run, "pauses"):
        where = f"{group.connections:,} connections, {group.rate_rps or 0:,.0f} requests/s"
        for label, value in figures.items():
            read = methodcaller("median", value)
            rows.append(_row(f"{label}, {where}", group, read))
    return TextTable("Pauses, us or count", "pauses", run["run"]["backends"], rows)


def _percentile_name(percentile: str) -> str:
    return {"p50": "median", "p99": "p99", "p999": "p99.9"}[percentile]


def _efficiency(run: Document, protocol: str = "echo") -> TextTable:
    rows = []
    groups = summary.groups_of(run, "efficiency", protocol)
    for group in groups:
        rows.append(
            _row(
                "server CPU a request, us",
                group,
                lambda sample: sample.median(summary.cpu_us_per_request),
            )
        )
        if any(sample.backend == FLOOR for sample in group.samples):
            ratios = [_ratio(group, sample) for sample in group.samples]
            rows.append(Row("ratio to the floor", ratios))
        rows.append(
            _row(
                "requests/s (capacity, closed loop)",
                group,
                lambda sample: sample.median(summary.achieved_rps),
            )
        )
        rows.append(
            _row(
                "server busy, cores",
                group,
                lambda sample: sample.median(summary.server_utilization),
            )
        )
    where = f", {groups[0].connections:,} connections" if groups else ""
    title = _title(f"Cost at saturation{where}", protocol)
    return TextTable(title, "efficiency", run["run"]["backends"], rows)


def _ratio(group: Group, sample: Sample) -> Entry:
    if sample.backend == FLOOR:
        return Entry("1")
    return entry(summary.ratio_to_floor(group, sample), sample.struck)


def _capacity(run: Document) -> TextTable:
    found = {capacity.backend: capacity for capacity in summary.capacities_of(run)}
    rows = []
    if found:
        entries = [
            _capacity_entry(found[name]) if name in found else NOTHING
            for name in run["run"]["backends"]
        ]
        one = next(iter(found.values()))
        bound_ms = one.searches[0]["p99_us_max"] / 1000
        rows.append(
            Row(f"requests/s, p99 < {bound_ms:g} ms, {one.connections:,} connections", entries)
        )
    return TextTable("Highest rate held", "capacity", run["run"]["backends"], rows)


# What a bracket's upper end failed on, where that is not the server.
_BOUNDS = {
    "generator": "generator's limit",
    "machine": "machine's limit",
    "search_limit": "search's limit",
}


def _capacity_entry(capacity: summary.Capacity) -> Entry:
    bounds = {search["bound_by"] for search in capacity.searches if search["bound_by"]}
    who = ", ".join(_BOUNDS[bound] for bound in sorted(bounds) if bound in _BOUNDS)
    if capacity.held is None:
        return Entry("none held", who)
    held = f"{capacity.held.value:,.0f}"
    failed = [
        search["failed_rps"] for search in capacity.searches if search["failed_rps"] is not None
    ]
    if capacity.limited_by_server and failed:
        return Entry(held, f"not {min(failed):,.0f}")
    return Entry(f"≥ {held}", who)


def _connect(run: Document) -> TextTable:
    rows = []
    for group in summary.groups_of(run, "connect"):
        where = f", {group.connections:,} connections"
        rows.append(
            _row(f"connects/s{where}", group, lambda sample: sample.median(summary.connects_per_s))
        )
        rows.append(
            _row(
                "time to connect, p99, us",
                group,
                lambda sample: sample.median(summary.connect_p99_us),
            )
        )
    return TextTable("Connecting", "connect", run["run"]["backends"], rows)


def _memory(run: Document, protocol: str = "echo") -> TextTable:
    rows = _memory_rows(run, protocol)
    for stacks in OTHER_STACKS:
        rows += _memory_rows(run, protocol, stacks)
    title = _title("Memory an idle connection", protocol)
    return TextTable(title, "memory", run["run"]["backends"], rows)


def _memory_rows(run: Document, protocol: str, stacks: str | None = None) -> list[Row]:
    found = {memory.backend: memory for memory in summary.memory_of(run, protocol, stacks)}
    if not found:
        return []

    def slopes(kind: str) -> list[Entry]:
        entries = []
        for name in run["run"]["backends"]:
            fitted = getattr(found[name], kind) if name in found else None
            entries.append(
                entry(fitted.slope if fitted else None, name in found and found[name].struck)
            )
        return entries

    which = "" if stacks is None else f", {stacks} stacks"
    return [
        Row(f"user memory of the server{which}, bytes", slopes("user")),
        Row(f"kernel memory, both ends{which}, bytes", slopes("kernel")),
    ]
