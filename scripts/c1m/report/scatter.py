"""Charts of figures against rate, connections and repetition: points, medians, fitted lines.

Invariant: every repetition is drawn; what is not valid is drawn as a cross and never joined by a
line.
Not here: percentile curves (curves.py), timelines (timelines.py).
"""

from collections.abc import Callable
from typing import Any

import altair as alt

from c1m.documents import Document
from c1m.estimates import Estimate
from c1m.report import summary, theme
from c1m.report.summary import Group, Sample
from c1m.report.tables import figure

_STRUCK_SHAPE = alt.Shape(
    "struck:N",
    scale=alt.Scale(domain=["valid", "not valid"], range=["circle", "cross"]),
    legend=None,
)


def _validity(cell: Document) -> str:
    return "valid" if cell["validity"]["valid"] else "not valid"


def dot_plot(
    group: Group,
    backends: list[str],
    value: Callable[[Document], float | None],
    estimate: Callable[[Sample], Estimate | None],
    title: str,
) -> Any:
    """Repetitions as dots, the median as a tick with its interval, a row a backend."""
    dots = [
        {"backend": sample.backend, "value": value(cell), "struck": _validity(cell)}
        for sample in group.samples
        for cell in sample.everything
        if value(cell) is not None
    ]
    medians = [
        {
            "backend": sample.backend,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "label": figure(found.value),
        }
        for sample in group.samples
        if not sample.struck and (found := estimate(sample)) is not None
    ]
    if not dots:
        return None
    x = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(format=",~r", tickCount=8),
    )
    rows = theme.position(backends)
    points = (
        alt.Chart(theme.data(dots))
        .mark_point(size=55, filled=True, opacity=0.45)
        .encode(
            x=x,
            y=rows,
            color=theme.colour(backends, legend=False),
            shape=_STRUCK_SHAPE,
            tooltip=[alt.Tooltip("backend:N"), alt.Tooltip("value:Q", format=",.2f")],
        )
    )
    base = alt.Chart(theme.data(medians))
    interval = base.mark_rule(strokeWidth=2).encode(
        x="low:Q", x2="high:Q", y=rows, color=theme.colour(backends, legend=False)
    )
    middle_tick = base.mark_tick(thickness=3, size=26).encode(
        x=x, y=rows, color=theme.colour(backends, legend=False)
    )
    label = base.mark_text(dy=-20, fontSize=11, fontWeight=600, color=theme.TEXT).encode(
        x=x, y=rows, text="label:N"
    )
    return (points + interval + middle_tick + label).properties(
        width=theme.WIDTH, height=alt.Step(54)
    )


def rate_chart(run: Document) -> Any:
    """Response p99 against the rate asked for: every probe of the searches, every latency cell."""
    points = []
    for cell in run["cells"]:
        p99_us = summary.response_us("p99")(cell)
        if cell["experiment"] not in ("capacity", "latency") or not p99_us:
            continue
        if cell["protocol"] != "echo":
            continue
        if cell["settings"]["connections"] != _search_connections(run):
            continue
        probe = cell["probe"]
        good = probe["held"] if probe else cell["validity"]["valid"]
        points.append(
            {
                "backend": cell["backend"],
                "rate_rps": cell["settings"]["rate_rps"],
                "p99_us": p99_us,
                "struck": "valid" if good else "not valid",
                "why": (probe or {}).get("reason") or "",
            }
        )
    if not points:
        return None
    backends = run["run"]["backends"]
    base = alt.Chart(theme.data(points))
    x = alt.X(
        "rate_rps:Q",
        title="requests a second asked for (log)",
        scale=alt.Scale(type="log", nice=False, padding=16),
        axis=theme.log_axis([point["rate_rps"] for point in points]),
    )
    y = alt.Y(
        "p99_us:Q",
        title="response p99, us (log)",
        scale=alt.Scale(type="log"),
        axis=theme.log_axis([*(point["p99_us"] for point in points), *_bounds(run)]),
    )
    colour = theme.colour(backends)
    held = base.transform_filter("datum.struck == 'valid'")
    lines = (
        held.transform_aggregate(p99_us="median(p99_us)", groupby=["backend", "rate_rps"])
        .mark_line(strokeWidth=1.8)
        .encode(x=x, y=y, color=colour)
    )
    dots = base.mark_point(size=60, filled=True, opacity=0.75).encode(
        x=x,
        y=y,
        color=colour,
        shape=_STRUCK_SHAPE,
        tooltip=["backend:N", "rate_rps:Q", alt.Tooltip("p99_us:Q", format=",.0f"), "why:N"],
    )
    bound = _bound(run)
    layers = [lines, dots] if bound is None else [bound, lines, dots]
    return alt.layer(*layers).properties(width=theme.WIDTH, height=theme.HEIGHT + 20)


def _search_connections(run: Document) -> int | None:
    return run["searches"][0]["connections"] if run["searches"] else None


def _bounds(run: Document) -> list[float]:
    return [search["p99_us_max"] for search in run["searches"][:1]]


def _bound(run: Document) -> Any:
    bounds = _bounds(run)
    if not bounds:
        return None
    return (
        alt.Chart(theme.data([{"p99_us": bound} for bound in bounds]))
        .mark_rule(color=theme.BOUND, strokeDash=[5, 4], strokeWidth=1.5)
        .encode(y="p99_us:Q")
    )


def memory_chart(run: Document, found: list[summary.Memory], kind: str, title: str) -> Any:
    """Memory against connections with the fitted line of each backend; dashed for stacks that are
    not the backend's default.
    """
    points, lines = [], []
    for memory in found:
        label = (
            memory.backend if memory.stacks is None else f"{memory.backend}, {memory.stacks} stacks"
        )
        usable = [point for point in memory.points if point[kind] is not None]
        points += [
            {
                "backend": memory.backend,
                "label": label,
                "connections": point["connections"],
                "mb": point[kind] / 1e6,
                "struck": "valid" if point["valid"] else "not valid",
            }
            for point in usable
        ]
        fitted = memory.user if kind == "user_bytes" else memory.kernel
        if fitted is not None:
            ends = (0, max(point["connections"] for point in usable))
            lines += [
                {
                    "backend": memory.backend,
                    "label": label,
                    "dashed": memory.stacks is not None,
                    "connections": end,
                    "mb": (fitted.intercept + fitted.slope.value * end) / 1e6,
                }
                for end in ends
            ]
    if not points:
        return None
    backends = run["run"]["backends"]
    x = alt.X("connections:Q", title="idle connections", axis=alt.Axis(format=",d", tickCount=5))
    y = alt.Y("mb:Q", title=title, axis=alt.Axis(format=",~r", tickCount=6))
    colour = theme.colour(backends)
    dash = alt.StrokeDash(
        "dashed:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [5, 4]]), legend=None
    )
    fit = (
        alt.Chart(theme.data(lines))
        .mark_line(strokeWidth=1.6)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="label:N")
    )
    dots = (
        alt.Chart(theme.data(points))
        .mark_point(size=60, filled=True, opacity=0.8)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=_STRUCK_SHAPE,
            tooltip=["label:N", "connections:Q", alt.Tooltip("mb:Q", format=",.2f")],
        )
    )
    return (fit + dots).properties(width=(theme.WIDTH - 90) // 2, height=theme.HEIGHT)
