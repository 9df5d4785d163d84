"""The look of every chart: one colour a backend everywhere, dark text, light grid.

Invariant: colour and order of the backends are the same in each chart and in the page's tables.
Not here: what is drawn (figures.py and the modules that it lists).
"""

import math
from typing import Any

import altair as alt

from c1m.backends import BACKENDS
from c1m.documents import Document

COLOURS = {"threads": "#c2570c", "uv": "#2563eb", "coro": "#0d8a5b", "floor": "#6b7280"}
SHAPES = {"threads": "square", "uv": "circle", "coro": "triangle-up", "floor": "diamond"}
TEXT = "#1f2933"
FAINT = "#52606d"
GRID = "#e4e7eb"
BOUND = "#b91c1c"
WIDTH = 720
HEIGHT = 300
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def colour(backends: list[str], legend: bool = True) -> Any:
    """The colour channel."""
    return alt.Color(
        "backend:N",
        scale=alt.Scale(domain=backends, range=[COLOURS[name] for name in backends]),
        legend=alt.Legend(title=None, orient="top", symbolStrokeWidth=3) if legend else None,
    )


def data(rows: list[Document]) -> Any:
    """Rows that stand inside the chart."""
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def log_axis(values: list[float]) -> Any:
    """An axis with a label at 1, 2 and 5 of each decade that the values reach into."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    steps = (1, 2, 5) if high - low <= 4 else (1,)
    ticks = [step * 10.0**decade for decade in range(low, high + 1) for step in steps]
    return alt.Axis(values=ticks, labelExpr="format(datum.value, ',~r')")


def position(backends: list[str]) -> Any:
    """Backends as rows of a dot plot, in their order."""
    return alt.Y(
        "backend:N", sort=backends, title=None, axis=alt.Axis(labelFontSize=12, domain=False)
    )


def configured(chart: Any) -> Any:
    """The chart with the look of the report."""
    axis = {
        "labelColor": FAINT,
        "titleColor": TEXT,
        "gridColor": GRID,
        "domainColor": "#9aa5b1",
        "tickColor": "#9aa5b1",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": 500,
        "titlePadding": 8,
        "labelFlush": False,
    }
    return (
        chart.configure(font=FONT, background="#ffffff", padding=8)
        .configure_view(stroke=None)
        .configure_axis(**axis)
        .configure_legend(labelColor=TEXT, labelFontSize=12, symbolSize=90, padding=4, offset=6)
        .configure_title(
            color=TEXT, fontSize=13, fontWeight=600, anchor="start", offset=10, subtitleColor=FAINT
        )
        .configure_header(labelColor=TEXT, labelFontSize=12, labelFontWeight=600, title=None)
    )


def title_of(backend: str) -> str:
    """The backend's name in running text."""
    return BACKENDS[backend].title
