"""The report of profile million: tables for terminal, summary.md and report.html; the charts.

Invariant: everything comes from the document; a figure that is null is a dash; what is not valid is
drawn as a cross and in no table.
Not here: the look of charts (report/theme.py).
"""

import html
import json
from importlib import resources
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from rich.console import Console
from rich.table import Table

from c1m.documents import Document
from c1m.million.slopes import FIGURES, established
from c1m.million.variants import VARIANTS
from c1m.report import theme
from c1m.storage import write_atomically

_COLOURS = {**theme.COLOURS, "coro-dedicated": theme.COLOURS["coro"], "coro-compact": "#86b817"}
_METHOD = "docs/methodology.md#million"
_PNG_SCALE = 2.0

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

TextRows = list[list[str]]


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
            "response p99, us, over a subset",
            *[_estimate(row["response_p99_us_subset"]) for row in rows],
        ]
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


def _estimate(found: Document | None, digits: int = 0, scale: float = 1.0) -> str:
    if found is None:
        return "-"
    value, low, high = (found[name] * scale for name in ("value", "low", "high"))
    text = f"{value:,.{digits}f}"
    return text if low == high else f"{text} ({low:,.{digits}f} to {high:,.{digits}f})"


def print_million(document: Document, console: Console) -> None:
    """The tables on a terminal."""
    titles = (f"c1m {document['run']['id']}", "Memory, slopes with 95 % intervals", "Walls")
    tables = (million_rows(document), memory_rows(document), wall_rows(document))
    for title, rows in zip(titles, tables, strict=True):
        if len(rows) < 2:
            continue
        table = Table(title=title, title_justify="left")
        for heading in rows[0]:
            table.add_column(heading)
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table, markup=False)
    console.print(_verdict(document), markup=False, highlight=False, soft_wrap=True)


def write_million_report(directory: Path, document: Document) -> None:
    """Writes summary.md, report.html and figures/. Raises CommandError."""
    charts = {
        name: theme.configured(chart)
        for name, chart in (
            ("memory-against-connections", memory_chart(document)),
            ("machine-against-connections", machine_chart(document)),
            ("ramp", ramp_chart(document)),
        )
        if chart is not None
    }
    for name, chart in charts.items():
        specification = json.dumps(chart.to_dict())
        svg = vl_convert.vegalite_to_svg(specification)
        write_atomically(directory / "figures" / f"{name}.svg", svg)
        png = vl_convert.vegalite_to_png(specification, scale=_PNG_SCALE)
        write_atomically(directory / "figures" / f"{name}.png", png)
    write_atomically(directory / "summary.md", _summary(document, list(charts)))
    write_atomically(directory / "report.html", _page(directory, document, list(charts)))


def _verdict(document: Document) -> str:
    seen = document["run"]
    if seen["valid"]:
        return "Valid: every session that met no wall passed all of its checks."
    word = "Partial and not valid: " if seen["partial"] else "Not valid: "
    return word + "; ".join(seen["invalid_reasons"])


def _facts(document: Document) -> list[str]:
    env, seen, kernel = document["env"], document["run"], document["kernel"]
    where = "a fresh network namespace" if kernel["namespace_is_fresh"] else "the host's namespace"
    raised = [change for change in kernel["changes"] if change["failure"] is None]
    names = ", ".join(f"{each['name']} {each['before']} -> {each['during']}" for each in raised)
    return [
        f"{env['cpu_model'] or 'unknown CPU'}, {env['cpus_online']} CPUs, "
        f"{env['memory_bytes'] / 2**30:.0f} GiB, Linux {env['kernel']}; {env['placement']['note']}",
        f"seed {seen['seed']}, {len(document['sessions'])} sessions in "
        f"{seen['duration_s'] / 60:.1f} minutes, in {where}",
        f"kernel settings raised, and put back: {names or 'none'}",
        f"how long the parts took, in all: {_parts(document)}",
    ]


def _parts(document: Document) -> str:
    total: dict[str, float] = {}
    for session in document["sessions"]:
        for name, seconds in session["parts_s"].items():
            total[name] = total.get(name, 0.0) + (seconds or 0.0)
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in total.items())


def _summary(document: Document, charts: list[str]) -> str:
    lines = [f"# c1m: {document['run']['id']}", "", f"**{_verdict(document)}**", ""]
    lines += [f"- {fact}" for fact in _facts(document)]
    lines += ["", "## The table", "", *_markdown(million_rows(document))]
    lines += ["", "## Memory", "", *_markdown(memory_rows(document))]
    walls = wall_rows(document)
    lines += ["", "## Walls", ""]
    lines += _markdown(walls) if len(walls) > 1 else ["No variant met a wall."]
    lines += ["", f"Method: {_METHOD}", "", "## Figures", ""]
    lines += [f"- [{name}](figures/{name}.svg)" for name in charts]
    lines += ["", "## Reproduce", "", "```sh", *document["run"]["reproduce"], "```", ""]
    return "\n".join(lines)


def _markdown(rows: TextRows) -> list[str]:
    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"

    rule = "| --- |" + " ---: |" * (len(rows[0]) - 1)
    return [line(rows[0]), rule, *[line(row) for row in rows[1:]]]


def _page(directory: Path, document: Document, charts: list[str]) -> str:
    style = (resources.files("c1m.report") / "page.css").read_text("utf-8")
    facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in _facts(document))
    walls = wall_rows(document)
    figures = "".join(
        f"<figure><figcaption><h3>{html.escape(_TITLES[name])}</h3></figcaption>"
        + (directory / "figures" / f"{name}.svg").read_text("utf-8")
        + "</figure>"
        for name in charts
    )
    commands = html.escape("\n".join(document["run"]["reproduce"]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>c1m {html.escape(document['run']['id'])}</title><style>{style}</style></head>"
        f"<body><main><h1>A million connections</h1><p>{html.escape(_verdict(document))}</p>"
        f"<ul>{facts}</ul><h2>The table</h2>{_html(million_rows(document))}"
        f"<h2>Memory</h2>{_html(memory_rows(document))}{figures}"
        f"<h2>Walls</h2>{_html(walls) if len(walls) > 1 else '<p>No variant met a wall.</p>'}"
        f"<h2>Reproduce</h2><pre>{commands}</pre></main></body></html>\n"
    )


def _html(rows: TextRows) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows[1:]
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


_TITLES = {
    "memory-against-connections": "Memory against connections: the server's own, and the kernel's",
    "machine-against-connections": "The whole machine's memory against connections, up to the wall",
    "ramp": "Connections against time while they are made",
}


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
