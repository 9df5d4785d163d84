"""Pauses on one time axis: response p99 of each second above, below it when each meter stood still.

Invariant: a pause has the colour of its cause, and so has a stall that lasted for at least half of
it; all others are grey, and counters of the kernel, which are looked at too seldom to belong to
one. However short, a stall is seen.
Not here: which meters there are (the programs) and causes (pauses/attribution.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import altair as alt

from c1m.documents import Document
from c1m.pauses.meters import SERVER
from c1m.report import theme

CAUSES = {
    "platform": "#a16207",
    "generator": "#7c3aed",
    "runtime": "#0891b2",
    "worker": "#ea580c",
    "all_workers": "#b91c1c",
    "unexplained": "#111827",
}
NO_PAUSE = "no pause"
_GREY = "#b8c0ca"
# More places of one kind share a row.
_ROWS_OF_A_KIND_MAX = 8
_STALLS_A_ROW_MAX = 150
_ROW_HEIGHT = 22
_CALLS = ("memory calls", "lock waits")
KINDS = {
    "memory_call": "memory calls",
    "lock_wait": "lock waits",
    "steal": "steal",
    "throttled": "throttled",
    "psi_cpu": "CPU pressure",
    "psi_memory": "memory pressure",
    "psi_io": "I/O pressure",
}


@dataclass(frozen=True)
class Row:
    """A row of the chart; its stalls are pauses, or parts of them, or what may explain them."""

    name: str
    stalls: list[Document]
    is_pause: bool


def pause_chart(cell: Document) -> Any:
    """The chart of one cell; None when it has no pauses block."""
    if not cell.get("pauses") or cell["window"] is None:
        return None
    block = cell["pauses"]
    colour = theme.COLOURS[cell["backend"]]
    return draw_pauses(_rows(block), block["episodes"], cell["window"], cell["timeline"], colour)


def draw_pauses(
    rows: list[Row],
    episodes: list[Document],
    window: Document,
    timeline: list[Document],
    line_colour: str,
) -> Any:
    """The chart of these rows, from top to bottom in the order of _place()."""
    rows = sorted(rows, key=lambda row: _place(row.name))
    names = [row.name for row in rows]
    bars = [
        _bar(row.name, stall, _episode_of(stall, _judged(row, episodes), row.is_pause), window)
        for row in rows
        for stall in _longest(row.stalls)
    ]
    width_s = window["duration_s"]
    x = alt.X(
        "begin_s:Q",
        title="seconds since the start of the window",
        scale=alt.Scale(domain=[0, width_s], nice=False, clamp=True),
    )
    y = alt.Y("row:N", sort=names, title=None, scale=alt.Scale(domain=names))
    colour = alt.Color(
        "cause:N",
        scale=alt.Scale(domain=[*CAUSES, NO_PAUSE], range=[*CAUSES.values(), _GREY]),
        legend=alt.Legend(
            title="put down to",
            orient="bottom",
            columns=7,
            labelExpr="replace(datum.label, '_', ' ')",
        ),
    )
    tooltip = ["row:N", "cause:N", "detail:N", alt.Tooltip("length_ms:Q", format=",.1f")]
    base = alt.Chart(theme.data(bars))
    lasting = base.mark_bar(height=12).encode(x=x, x2="end_s:Q", y=y, color=colour, tooltip=tooltip)
    # A bar of a millisecond would be thinner than a pixel.
    beginning = base.mark_tick(thickness=2, size=12).encode(x=x, y=y, color=colour, tooltip=tooltip)
    below = (lasting + beginning).properties(width=theme.WIDTH, height=_ROW_HEIGHT * len(rows))
    above = _p99(timeline, width_s, line_colour)
    return alt.vconcat(above, below, spacing=12) if above is not None else below


def _p99(timeline: list[Document], width_s: float, colour: str) -> Any:
    rows = [
        {"begin_s": row["t_s"] + 0.5, "value": row["response_p99_us"]}
        for row in timeline
        if row.get("response_p99_us")
    ]
    if not rows:
        return None
    return (
        alt.Chart(theme.data(rows))
        .mark_line(
            strokeWidth=1.5,
            color=colour,
            point=alt.OverlayMarkDef(size=16, color=colour),
        )
        .encode(
            x=alt.X(
                "begin_s:Q",
                title=None,
                scale=alt.Scale(domain=[0, width_s], nice=False),
                axis=alt.Axis(labels=False, ticks=False),
            ),
            y=alt.Y(
                "value:Q",
                title="response p99, us (log)",
                scale=alt.Scale(type="log"),
                axis=theme.log_axis([row["value"] for row in rows]),
            ),
            tooltip=[alt.Tooltip("value:Q", format=",.0f")],
        )
        .properties(width=theme.WIDTH, height=140)
    )


def is_pause(side: str, kind: str) -> bool:
    """Whether the stalls of such a meter are pauses, or parts of them."""
    return kind == "silence" or (side, kind) == (SERVER, "loop")


def _rows(block: Document) -> list[Row]:
    rows: dict[str, Row] = {}
    for each in block["meters"]:
        name = _row_of(each, block["meters"])
        if name is not None:
            row = Row(name, [], is_pause(each["side"], each["meter"]["kind"]))
            rows.setdefault(name, row).stalls.extend(each["meter"]["stalls"])
    return list(rows.values())


def _place(row: str) -> int:
    """Silences first, then what explains them."""
    beginnings = (
        "no answer",
        "shard",
        "worker",
        "memory",
        "lock",
        "server CPU",
        "generator CPU",
        "generator loop",
    )
    return next(
        (number for number, text in enumerate(beginnings) if row.startswith(text)),
        len(beginnings),
    )


def _row_of(each: Document, all_meters: list[Document]) -> str | None:
    meter, side = each["meter"], each["side"]
    kind = meter["kind"]
    alike = sum(other["side"] == side and other["meter"]["kind"] == kind for other in all_meters)
    crowded = alike > _ROWS_OF_A_KIND_MAX
    if kind == "silence":
        return _silence_row(meter, all_meters)
    if kind == "hiccup":
        return f"{side} CPUs" if crowded else f"{side} CPU {meter['cpu']}"
    if kind == "loop":
        if side == "generator":
            place = "" if alike == 1 else f" {meter['shard']}"
            return "generator loops" if crowded else f"generator loop{place}"
        return "workers" if crowded else f"worker {meter['shard']}.{meter['worker']}"
    if kind in ("memory_call", "lock_wait"):
        return KINDS[kind]
    # Counters with nothing to show take no room; the others say that they were there.
    # Pressure is the machine's, so one side's is enough.
    return KINDS[kind] if meter["stalls"] and side == "server" else None


def _silence_row(meter: Document, all_meters: list[Document]) -> str | None:
    targets = [
        each["meter"]["target"]
        for each in all_meters
        if each["meter"]["kind"] == "silence" and each["meter"]["target"] is not None
    ]
    if meter["target"] is None:
        return "no answer"
    if len(targets) == 1:
        return None  # it says what the service's row says
    crowded = len(targets) > _ROWS_OF_A_KIND_MAX
    return "shards silent" if crowded else f"shard {targets.index(meter['target'])} silent"


def _longest(stalls: list[Document]) -> Iterator[Document]:
    longest = sorted(stalls, key=lambda stall: -stall["amount_ns"])
    yield from longest[:_STALLS_A_ROW_MAX]


def _judged(row: Row, episodes: list[Document]) -> list[Document]:
    return [] if row.name in KINDS.values() and row.name not in _CALLS else episodes


def _episode_of(stall: Document, episodes: list[Document], is_pause: bool) -> Document | None:
    """The pause that a stall is a part of or, of other meters, that it lasted for half of."""
    for episode in episodes:
        begin_ns = max(stall["begin_ns"], episode["begin_ns"])
        overlap_ns = min(stall["end_ns"], episode["end_ns"]) - begin_ns
        whole = stall if is_pause else episode
        if 2 * overlap_ns >= whole["end_ns"] - whole["begin_ns"]:
            return episode
    return None


def _bar(row: str, stall: Document, episode: Document | None, window: Document) -> Document:
    start_ns = window["start_monotonic_ns"]
    return {
        "row": row,
        "begin_s": (stall["begin_ns"] - start_ns) / 1e9,
        "end_s": (stall["end_ns"] - start_ns) / 1e9,
        "length_ms": stall["amount_ns"] / 1e6,
        "cause": episode["cause"] if episode else NO_PAUSE,
        "detail": episode["detail"] if episode else "",
    }
