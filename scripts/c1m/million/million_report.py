"""The report of profile million: terminal, summary.md, report.html and figures/.

Invariant: all three hold the same tables in the same order, and everything comes from the document.
Not here: what is in a table (million_tables.py) or in a chart (million_charts.py).
"""

import html
import json
import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import vl_convert
from rich.console import Console
from rich.table import Table

from c1m.documents import Document
from c1m.layout import TOP
from c1m.million import million_charts, million_tables
from c1m.million.million_tables import TextRows
from c1m.million.slopes import established
from c1m.report import theme
from c1m.storage import write_atomically

_PNG_SCALE = 2.0
# Headings are long here, and there are many columns.
_STYLE = (
    "header, main { max-width: 1160px } thead th.number { white-space: normal }"
    " tbody td:first-child { min-width: 15em }"
)


@dataclass(frozen=True)
class _Figure:
    name: str  # of its files
    title: str
    words: str
    chart: Any


@dataclass(frozen=True)
class _Section:
    """A table with its figures; without a row of figures `nothing` stands in its place."""

    title: str
    anchor: str  # in docs/methodology.md
    rows: TextRows
    nothing: str = ""
    figures: list[_Figure] = field(default_factory=list)
    has_numbers: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether there is only the heading."""
        return len(self.rows) < 2


def _sections(document: Document) -> list[_Section]:
    return [
        _Section("The table", "million", million_tables.million_rows(document)),
        _Section(
            "Memory, slopes with 95 % intervals",
            "million",
            million_tables.memory_rows(document),
            figures=_known(_memory_figures(document)),
        ),
        _Section(
            "Pauses",
            "million-pauses",
            million_tables.pause_rows(document),
            "No meter of pauses was on.",
            _known(_pause_figures(document)),
        ),
        _Section(
            "Walls",
            "million",
            million_tables.wall_rows(document),
            "No variant met a wall.",
            has_numbers=False,
        ),
        _Section("How long each part took", "million", million_tables.part_rows(document)),
    ]


def _known(figures: list[_Figure]) -> list[_Figure]:
    return [each for each in figures if each.chart is not None]


def _memory_figures(document: Document) -> list[_Figure]:
    crosses = "A cross is a session whose memory is not valid."
    return [
        _Figure(
            "memory-against-connections",
            "Memory against connections: the server's own, and the kernel's",
            crosses,
            million_charts.memory_chart(document),
        ),
        _Figure(
            "machine-against-connections",
            "The whole machine's memory against connections, up to the wall",
            f"{crosses} A triangle is a wall.",
            million_charts.machine_chart(document),
        ),
        _Figure(
            "ramp",
            "Connections against time while they are made",
            "Of each variant the first session with the most connections.",
            million_charts.ramp_chart(document),
        ),
    ]


def _pause_figures(document: Document) -> list[_Figure]:
    figures = []
    for row in document["summary"]:
        session = million_charts.charted_session(document, row["variant"])
        if session is None:
            continue
        struck = "" if session["validity"]["valid"] else " This session is not valid."
        figures.append(
            _Figure(
                f"pauses-{row['variant']}",
                f"{row['title']}, {established(session):,} connections: what stood still, and when",
                f"Session {session['id']}. Above, response p99 of each second; below, stalls of "
                f"{session['pauses']['tick_us'] / 1000:g} ms and more of the meters of each kind, "
                "all shards together. The colour is the cause that the pause is put down to."
                + struck,
                million_charts.pause_chart_of(document, row["variant"]),
            )
        )
    return figures


def print_million(document: Document, console: Console) -> None:
    """The tables on a terminal."""
    console.print(f"c1m {document['run']['id']}", markup=False, highlight=False)
    for section in _sections(document):
        if section.is_empty:
            continue
        table = Table(title=section.title, title_justify="left")
        for heading in section.rows[0]:
            table.add_column(heading)
        for row in section.rows[1:]:
            table.add_row(*row)
        console.print(table, markup=False)
    console.print(verdict(document), markup=False, highlight=False, soft_wrap=True)


def write_million_report(directory: Path, document: Document) -> None:
    """Writes summary.md, report.html and figures/. Raises CommandError."""
    sections = _sections(document)
    method = os.path.relpath(TOP / "docs" / "methodology.md", directory.absolute())
    drawn: dict[str, str] = {}
    for figure in (figure for section in sections for figure in section.figures):
        specification = json.dumps(theme.configured(figure.chart).to_dict())
        drawn[figure.name] = vl_convert.vegalite_to_svg(specification)
        write_atomically(directory / "figures" / f"{figure.name}.svg", drawn[figure.name])
        png = vl_convert.vegalite_to_png(specification, scale=_PNG_SCALE)
        write_atomically(directory / "figures" / f"{figure.name}.png", png)
    write_atomically(directory / "summary.md", _summary(document, sections, method))
    write_atomically(directory / "report.html", _page(document, sections, drawn, method))


def verdict(document: Document) -> str:
    """Whether the run stands, and why not or on what."""
    seen = document["run"]
    if seen["valid"]:
        return _valid_verdict(document["sessions"])
    word = "Partial and not valid: " if seen["partial"] else "Not valid: "
    return word + "; ".join(seen["invalid_reasons"])


def _valid_verdict(sessions: list[Document]) -> str:
    """What a valid run stands on, and which sessions failed and had to be repeated."""
    failed = [
        f"{each['id']}: {'; '.join(each['validity']['invalid_reasons'])}"
        for each in sessions
        if each["wall"] is None and not each["validity"]["valid"]
    ]
    if not failed:
        return "Valid: every session that met no wall passed all of its checks."
    return (
        "Valid: what was planned was measured by sessions that passed all of their checks, or met "
        f"a wall. Failed a check and were repeated: {' / '.join(failed)}"
    )


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
    ]


def _summary(document: Document, sections: list[_Section], method: str) -> str:
    lines = [f"# c1m: {document['run']['id']}", "", f"**{verdict(document)}**", ""]
    lines += [f"- {fact}" for fact in _facts(document)]
    for section in sections:
        lines += ["", f"## {section.title}", ""]
        lines += [section.nothing] if section.is_empty else _markdown(section.rows)
        if section.figures:
            lines += [
                "",
                *[f"- [{each.title}](figures/{each.name}.svg)" for each in section.figures],
            ]
        lines += ["", f"[Method]({method}#{section.anchor})"]
    lines += ["", "## Reproduce", "", "```sh", *document["run"]["reproduce"], "```", ""]
    return "\n".join(lines)


def _markdown(rows: TextRows) -> list[str]:
    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"

    rule = "| --- |" + " ---: |" * (len(rows[0]) - 1)
    return [line(rows[0]), rule, *[line(row) for row in rows[1:]]]


def _page(document: Document, sections: list[_Section], drawn: dict[str, str], method: str) -> str:
    style = (resources.files("c1m.report") / "page.css").read_text("utf-8")
    facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in _facts(document))
    identity = html.escape(document["run"]["id"])
    commands = html.escape("\n".join(document["run"]["reproduce"]))
    kind = "good" if document["run"]["valid"] else "bad"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>c1m {identity}</title>'
        f"<style>{style}{_STYLE}</style></head><body><header>"
        f'<p class="kind">{identity}</p><h1>A million connections</h1>'
        f'<p class="verdict {kind}">{html.escape(verdict(document))}</p><ul>{facts}</ul></header>'
        f"<main>{''.join(_page_section(section, drawn, method) for section in sections)}"
        f"<section><h2>Reproduce</h2><pre>{commands}</pre></section></main></body></html>\n"
    )


def _page_section(section: _Section, drawn: dict[str, str], method: str) -> str:
    table = f"<p>{section.nothing}</p>" if section.is_empty else _html(section)
    figures = "".join(
        f"<figure><figcaption><h3>{html.escape(each.title)}</h3><p>{html.escape(each.words)}</p>"
        f'</figcaption><div class="chart">{drawn[each.name]}</div></figure>'
        for each in section.figures
    )
    link = f'<p><a href="{html.escape(method)}#{section.anchor}">How this is measured</a></p>'
    return f"<section><h2>{html.escape(section.title)}</h2>{link}{table}{figures}</section>"


def _html(section: _Section) -> str:
    kind = ' class="number"' if section.has_numbers else ""

    def line(row: list[str], tag: str) -> str:
        first, *others = (html.escape(cell) for cell in row)
        cells = "".join(f"<{tag}{kind}>{cell}</{tag}>" for cell in others)
        return f"<tr><{tag}>{first}</{tag}>{cells}</tr>"

    body = "".join(line(row, "td") for row in section.rows[1:])
    return (
        f'<div class="scroll"><table><thead>{line(section.rows[0], "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
