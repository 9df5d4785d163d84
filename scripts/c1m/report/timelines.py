"""Timelines: response p99 a second, and how busy the server was between its samples.

Invariant: one line a repetition, so that a stall in one of them is not averaged away.
Not here: the raw series (results/<run>/series/*.csv).
"""

import itertools
from typing import Any

import altair as alt

from c1m.documents import Document
from c1m.report import theme
from c1m.report.summary import Group


def p99_timeline(group: Group, backends: list[str]) -> Any:
    """Response p99 of each second of the window, by intended send time."""
    rows = [
        {
            "backend": cell["backend"],
            "cell": cell["id"],
            "t_s": row["t_s"] + 0.5,
            "value": row["response_p99_us"],
        }
        for sample in group.samples
        for cell in sample.everything
        for row in cell["timeline"]
        if row.get("response_p99_us")
    ]
    return (
        _lines(rows, backends, "response p99 of the second, us (log)", is_log=True)
        if rows
        else None
    )


def cpu_timeline(group: Group, backends: list[str]) -> Any:
    """CPU time over wall time of the server between two of its stats lines."""
    rows = [
        row for sample in group.samples for cell in sample.everything for row in _utilization(cell)
    ]
    return _lines(rows, backends, "server busy, cores", is_log=False) if rows else None


def _utilization(cell: Document) -> list[Document]:
    window = cell["window"]
    samples = cell["server"]["samples"]
    if window is None:
        return []
    rows = []
    for before, after in itertools.pairwise(samples):
        inside = before["t_s"] >= 0 and after["t_s"] <= window["duration_s"]
        if not inside or before["cpu_us"] is None or after["cpu_us"] is None:
            continue
        span_us = (after["t_s"] - before["t_s"]) * 1e6
        if span_us > 0:
            middle_s = (before["t_s"] + after["t_s"]) / 2
            cores = (after["cpu_us"] - before["cpu_us"]) / span_us
            rows.append(
                {
                    "backend": cell["backend"],
                    "cell": cell["id"],
                    "t_s": round(middle_s, 3),
                    "value": cores,
                }
            )
    return rows


def _lines(rows: list[Document], backends: list[str], title: str, is_log: bool) -> Any:
    values = [row["value"] for row in rows]
    return (
        alt.Chart(theme.data(rows))
        .mark_line(strokeWidth=1.5, opacity=0.8, point=alt.OverlayMarkDef(size=16))
        .encode(
            x=alt.X(
                "t_s:Q",
                title="seconds since the start of the window",
                scale=alt.Scale(zero=True, nice=False),
                axis=alt.Axis(tickMinStep=1),
            ),
            y=alt.Y(
                "value:Q",
                title=title,
                scale=alt.Scale(type="log") if is_log else alt.Scale(zero=True),
                axis=theme.log_axis(values) if is_log else alt.Axis(tickCount=5),
            ),
            color=theme.colour(backends),
            detail="cell:N",
            tooltip=["backend:N", "cell:N", alt.Tooltip("value:Q", format=",.2f")],
        )
        .properties(width=theme.WIDTH, height=theme.HEIGHT - 80)
    )
