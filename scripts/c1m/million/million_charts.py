"""The charts of profile million: memory and connections, and when something stood still.

Invariant: everything comes from the document; what is not valid is drawn as a cross.
Not here: the look of charts (report/theme.py), rows and bars of pauses (report/pause_chart.py).
"""

from typing import Any

import altair as alt

from c1m.documents import Document
from c1m.million.slopes import FIGURES, established
from c1m.million.variants import VARIANTS
from c1m.pauses.meters import SERVER
from c1m.report import theme
from c1m.report.pause_chart import KINDS, Row, draw_pauses, is_pause

_COLOURS = {**theme.COLOURS, "coro-dedicated": theme.COLOURS["coro"], "coro-compact": "#86b817"}


def _colour(document: Document) -> Any:
    names = [row["variant"] for row in document["summary"]]
    return alt.Color(
        "variant:N",
        scale=alt.Scale(domain=names, range=[_COLOURS[name] for name in names]),
        legend=alt.Legend(title=None, orient="top"),
    )


_STRUCK = alt.Shape(
    "struck:N",
    scale=alt.Scale(domain=["valid", "not valid", "wall"], range=["circle", "cross", "triangle"]),
    legend=None,
)


def _state(session: Document) -> str:
    return "valid" if session["validity"]["memory_valid"] else "not valid"


def memory_chart(document: Document) -> Any:
    """Server user memory, and kernel memory of both ends, with fitted lines."""
    panels = []
    for name, title in (
        ("server_user_bytes", "server, user memory, MB"),
        ("kernel_bytes", "kernel, both ends, MB"),
    ):
        points = [
            {
                "variant": session["variant"],
                "connections": established(session),
                "mb": value / 1e6,
                "struck": _state(session),
            }
            for session in document["sessions"]
            if (value := FIGURES[name](session)) is not None
        ]
        if not points:
            return None
        panels.append(_panel(document, points, title, (theme.WIDTH - 90) // 2, fitted=True))
    return alt.hconcat(*panels)


def machine_chart(document: Document) -> Any:
    """Memory in use of the whole machine, with the walls."""
    points = [
        {
            "variant": session["variant"],
            "connections": established(session),
            "mb": session["memory"]["used_bytes"] / 1e6,
            "struck": _state(session),
        }
        for session in document["sessions"]
        if session["memory"] and session["memory"]["used_bytes"] is not None
    ]
    walls = [
        {
            "variant": wall["variant"],
            "connections": wall["reached"],
            "mb": wall["used_bytes"] / 1e6,
            "struck": "wall",
        }
        for wall in document["walls"]
        if wall["used_bytes"] is not None
    ]
    if not points:
        return None
    return _panel(document, points + walls, "machine's memory in use, MB", theme.WIDTH, fitted=True)


def _panel(document: Document, points: list[Document], title: str, width: int, fitted: bool) -> Any:
    x = alt.X(
        "connections:Q",
        title="connections",
        scale=alt.Scale(zero=True),
        axis=alt.Axis(format=",d", tickCount=5),
    )
    y = alt.Y("mb:Q", title=title, axis=alt.Axis(format=",~r", tickCount=6))
    base = alt.Chart(theme.data(points))
    dots = base.mark_point(size=60, filled=True, opacity=0.8).encode(
        x=x,
        y=y,
        color=_colour(document),
        shape=_STRUCK,
        tooltip=["variant:N", "connections:Q", alt.Tooltip("mb:Q", format=",.1f"), "struck:N"],
    )
    layers = [dots]
    if fitted:
        lines = (
            base.transform_filter("datum.struck == 'valid'")
            .transform_regression("connections", "mb", groupby=["variant"])
            .mark_line(strokeWidth=1.6)
            .encode(x=x, y=y, color=_colour(document))
        )
        layers = [lines, dots]
    return alt.layer(*layers).properties(width=width, height=theme.HEIGHT)


def ramp_chart(document: Document) -> Any:
    """Connections against time, of the first session with the most connections of each variant."""
    points = []
    for name in VARIANTS:
        mine = [each for each in document["sessions"] if each["variant"] == name and each["ramp"]]
        if mine:
            largest = max(mine, key=established)
            points += [{"variant": name, **sample} for sample in largest["ramp"]]
    if not points:
        return None
    return (
        alt.Chart(theme.data(points))
        .mark_line(strokeWidth=1.8, point=True)
        .encode(
            x=alt.X("t_s:Q", title="seconds"),
            y=alt.Y("established:Q", title="connections", axis=alt.Axis(format=",d")),
            color=_colour(document),
        )
        .properties(width=theme.WIDTH, height=theme.HEIGHT)
    )


def charted_session(document: Document, variant: str) -> Document | None:
    """The session whose pauses are drawn: of those with the most connections the first."""
    metered = [
        each
        for each in document["sessions"]
        if each["variant"] == variant and each["pauses"] is not None and each["window"] is not None
    ]
    return max(metered, key=established, default=None)


def pause_chart_of(document: Document, variant: str) -> Any:
    """When something stood still in that session; None without one."""
    session = charted_session(document, variant)
    if session is None:
        return None
    block = session["pauses"]
    rows = [
        Row(name, group["stalls"], is_pause(group["side"], group["kind"]))
        for group in block["groups"]
        if (name := _row_name(group)) is not None
    ]
    by_second = block["response_p99_by_second"]
    return draw_pauses(rows, block["episodes"], session["window"], by_second, _COLOURS[variant])


def _row_name(group: Document) -> str | None:
    side, kind = group["side"], group["kind"]
    if kind == "silence":
        if group["of"] == "service":
            return "no answer"
        # One target says what the service's row says.
        return "shards silent" if group["meters"] > 1 else None
    if kind == "hiccup":
        return f"{side} CPUs"
    if kind == "loop":
        return "workers" if side == SERVER else "generator loops"
    # Pressure is the machine's, so one side's is enough; without any it takes no room.
    drawn = side == SERVER and (group["stalls"] or kind in ("memory_call", "lock_wait"))
    return KINDS[kind] if drawn else None
