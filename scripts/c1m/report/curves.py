"""Percentile curves: merged histograms of the repetitions of a group, on a 1/(1-p) axis.

Invariant: histograms are added bucket by bucket, percentiles are never averaged; a curve ends where
less than one value lies above it.
Not here: figures in tables, which are medians over repetitions (summary.py).
"""

from typing import Any

import altair as alt
from hdrh.histogram import HdrHistogram

from c1m.documents import Document
from c1m.report import theme
from c1m.report.summary import Group, Sample

_HIGHEST_NS = 24 * 3600 * 10**9
_STEPS_A_DECADE = 12
# Percentiles as people name them, by 1/(1-p).
_LABELS = {
    1: "0 %",
    2: "50 %",
    10: "90 %",
    100: "99 %",
    1_000: "99.9 %",
    10_000: "99.99 %",
    100_000: "99.999 %",
}


def merged(blocks: list[Document]) -> HdrHistogram:
    """One histogram of all the values of some percentile blocks, in ns."""
    total = HdrHistogram(1, _HIGHEST_NS, 3)
    for block in blocks:
        total.add(HdrHistogram.decode(block["hdr_v2_b64"]))
    return total


def curve(sample: Sample) -> list[Document]:
    """Points of a backend's curve: response time in us by 1/(1-p)."""
    blocks = [
        cell["latency_us"]["response"]
        for cell in sample.cells
        if (cell["latency_us"] or {}).get("response") and cell["latency_us"]["response"]["count"]
    ]
    if not blocks:
        return []
    histogram = merged(blocks)
    count = histogram.get_total_count()
    all_nines: list[float] = []
    while (nines := 10 ** (len(all_nines) / _STEPS_A_DECADE)) <= max(count, 1):
        all_nines.append(nines)
    percentiles = [100 * (1 - 1 / nines) for nines in all_nines]
    # One walk through the buckets for all of them.
    values_ns = histogram.get_percentile_to_value_dict(percentiles)
    return [
        {
            "backend": sample.backend,
            "nines": nines,
            "percentile": round(percentile, 4),
            "response_us": values_ns[percentile] / 1000,
            "struck": "not valid" if sample.struck else "valid",
        }
        for nines, percentile in zip(all_nines, percentiles, strict=True)
    ]


def percentile_chart(group: Group, backends: list[str]) -> Any:
    """The curves of all backends in one plot; nothing when no cell has a response time."""
    points = [point for sample in group.samples for point in curve(sample)]
    if not points:
        return None
    labels = " : ".join(f"datum.value == {value} ? '{text}'" for value, text in _LABELS.items())
    return (
        alt.Chart(theme.data(points))
        .mark_line(strokeWidth=2.2, interpolate="monotone")
        .encode(
            x=alt.X(
                "nines:Q",
                title="share of requests answered at least as fast",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(values=list(_LABELS), labelExpr=f"{labels} : ''", grid=True),
            ),
            y=alt.Y(
                "response_us:Q",
                title="response time, us (log)",
                scale=alt.Scale(type="log", nice=True),
                axis=theme.log_axis([point["response_us"] for point in points]),
            ),
            color=theme.colour(backends),
            strokeDash=alt.StrokeDash(
                "struck:N",
                scale=alt.Scale(domain=["valid", "not valid"], range=[[1, 0], [3, 4]]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("backend:N"),
                alt.Tooltip("percentile:Q", title="percentile"),
                alt.Tooltip("response_us:Q", title="us", format=",.1f"),
            ],
        )
        .properties(width=theme.WIDTH, height=theme.HEIGHT + 20)
    )
