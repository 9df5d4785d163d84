"""The figures of a report: which there are, what each shows, and where its method is written.

Invariant: a figure appears only when the run has data for it; its anchor exists in
docs/methodology.md.
Not here: drawing (curves.py, scatter.py, timelines.py), pages (page.py).
"""

from dataclasses import dataclass
from typing import Any

import altair as alt

from c1m.backends import OTHER_STACKS
from c1m.documents import Document
from c1m.report import summary
from c1m.report.curves import percentile_chart
from c1m.report.pause_chart import pause_chart
from c1m.report.scatter import dot_plot, memory_chart, rate_chart
from c1m.report.summary import Group
from c1m.report.theme import configured, title_of
from c1m.report.timelines import cpu_timeline, p99_timeline


@dataclass(frozen=True)
class Figure:
    """A chart with its words. `section` is the table that it stands under, by the table's "
    "anchor."""

    name: str
    section: str
    title: str
    explanation: str
    chart: Any


def all_figures(run: Document) -> list[Figure]:
    """Every figure that the run has data for, in the order of the page."""
    found = [
        *_latency_figures(run),
        *_efficiency_figures(run),
        *_capacity_figures(run),
        *_connect_figures(run),
        *_memory_figures(run),
        *_pause_figures(run),
        *_latency_figures(run, "ws"),
        *_efficiency_figures(run, "ws"),
        *_memory_figures(run, "ws"),
    ]
    return [
        Figure(each.name, each.section, each.title, each.explanation, configured(each.chart))
        for each in found
        if each.chart is not None
    ]


def _where(group: Group) -> str:
    rate = f", {group.rate_rps:,.0f} requests/s" if group.rate_rps is not None else ""
    protocol = "" if group.protocol == "echo" else ", WebSocket"
    return f"{group.connections:,} connections{rate}{protocol}"


def _slug(group: Group) -> str:
    return group.name.replace("/", "-")


def _latency_figures(run: Document, protocol: str = "echo") -> list[Figure]:
    backends = run["run"]["backends"]
    groups = summary.groups_of(run, "latency", protocol)
    curves = [
        Figure(
            f"percentiles-{_slug(group)}",
            "latency",
            f"Response time by percentile: {_where(group)}",
            "Counted from the intended send time of an open-loop Poisson schedule, which all "
            "backends share. "
            "Histograms of the valid repetitions are added bucket by bucket. Further right "
            "is rarer: the axis "
            "gives each nine the same room. Dotted: no valid repetition.",
            percentile_chart(group, backends),
        )
        for group in groups
    ]
    timelines = [figure for group in groups for figure in _timelines(group, backends)]
    return curves + timelines


def _timelines(group: Group, backends: list[str]) -> list[Figure]:
    return [
        Figure(
            f"timeline-p99-{_slug(group)}",
            "latency",
            f"Response p99 over time: {_where(group)}",
            "The 99th percentile of each second, by intended send time; one line a "
            "repetition. A line that "
            "jumps alone is a stall of that run; lines that jump together point at the "
            "machine.",
            p99_timeline(group, backends),
        ),
        Figure(
            f"timeline-cpu-{_slug(group)}",
            "latency",
            f"Server CPU over time: {_where(group)}",
            "CPU time over wall time between two samples of the server's shards; 1 is one core.",
            cpu_timeline(group, backends),
        ),
    ]


def _efficiency_figures(run: Document, protocol: str = "echo") -> list[Figure]:
    return [
        Figure(
            f"cpu-per-request-{_slug(group)}",
            "efficiency",
            f"Server CPU a request: {_where(group)}, closed loop",
            "User and system time of the server's shards over the requests that they served, "
            "both between the same "
            "two samples. Dots are repetitions, the tick is the median, the bar its interval. "
            "Less is better; the "
            "floor is a bare epoll loop that does the same work.",
            dot_plot(
                group,
                run["run"]["backends"],
                summary.cpu_us_per_request,
                lambda sample: sample.median(summary.cpu_us_per_request),
                "server CPU a request, us",
            ),
        )
        for group in summary.groups_of(run, "efficiency", protocol)
    ]


def _capacity_figures(run: Document) -> list[Figure]:
    return [
        Figure(
            "rate-against-latency",
            "capacity",
            "Rate against latency",
            "Every probe of the capacity search and every latency cell with as many connections. "
            "The dashed line is "
            "the bound on the response p99. A cross is a rate that was not held, by the server "
            "or by the load "
            "generator (its reason stands in the tooltip); crosses are not joined.",
            rate_chart(run),
        )
    ]


def _connect_figures(run: Document) -> list[Figure]:
    return [
        Figure(
            f"connects-{_slug(group)}",
            "connect",
            f"Connects a second: {_where(group)}",
            "Established connections over the time from the first connect to the last one "
            "established, as fast as "
            "the load generator goes. It shares the host with the server, so this is the pair's "
            "figure.",
            dot_plot(
                group,
                run["run"]["backends"],
                summary.connects_per_s,
                lambda sample: sample.median(summary.connects_per_s),
                "connects a second",
            ),
        )
        for group in summary.groups_of(run, "connect")
    ]


def _pause_figures(run: Document) -> list[Figure]:
    return [
        Figure(
            f"pauses-{_slug(group)}-{cell['backend']}-{cell['repetition']}",
            "pauses",
            f"Pauses of {title_of(cell['backend'])}: {_where(group)}, "
            f"repetition {cell['repetition']}",
            "Above: response p99 of each second. Below, on the same time axis: when no answer came "
            "for longer than a Poisson stream of that rate explains, when workers of the server "
            "stood still, and what may explain it: memory calls and lock waits of the runtime, "
            "threads that only sleep on the CPUs of both sides, the generator's own loop, and what "
            "the kernel counts as lost. The colour is the cause that the pause is put down to.",
            pause_chart(cell),
        )
        for group in summary.groups_of(run, "pauses")
        for sample in group.samples
        for cell in sample.everything
    ]


def _memory_figures(run: Document, protocol: str = "echo") -> list[Figure]:
    memory = summary.memory_of(run, protocol)
    others = [found for each in OTHER_STACKS for found in summary.memory_of(run, protocol, each)]
    dashed = " and ".join(f"{found.backend} with {found.stacks} stacks" for found in others)
    memory += others
    user = memory_chart(run, memory, "user_bytes", "user memory of the server (PSS), MB")
    kernel = memory_chart(run, memory, "kernel_bytes", "kernel memory, both ends, MB")
    charts = [chart for chart in (user, kernel) if chart is not None]
    both = alt.hconcat(*charts, spacing=40) if charts else None
    return [
        Figure(
            "memory-against-connections" + ("" if protocol == "echo" else f"-{protocol}"),
            "memory",
            "Memory against idle connections" + ("" if protocol == "echo" else ", WebSocket"),
            "Left: proportional set size of the server's shards. Right: slab, kernel stacks, "
            "page tables and TCP "
            "buffers of the whole host, less what was there before the connections; it covers "
            "both ends. The "
            "slope of each line is the memory a connection."
            + (f" Dashed: {dashed}." if dashed else ""),
            both,
        )
    ]
