"""report.html: one file that needs no network, with tables, interactive charts and their method.

Invariant: everything is inlined and everything from a document is escaped; the page loads nothing.
Not here: what the tables and charts show (tables.py, figures.py); the look (page.html, page.css).
"""

import html
import json
from importlib import resources
from string import Template
from typing import Any

import vl_convert

from c1m.documents import Document
from c1m.report.figures import Figure
from c1m.report.page_details import checks_table, environment_table, invalid_cells, limits_table
from c1m.report.tables import Entry, TextTable
from c1m.report.theme import COLOURS, title_of

_SECTIONS = {
    "latency": "Latency",
    "efficiency": "CPU a request",
    "capacity": "Capacity",
    "connect": "Connecting",
    "memory": "Memory",
    "pauses": "Pauses",
}


# What the page's own script needs of the bundle.
_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def render_page(run: Document, tables: list[TextTable], figures: list[Figure], method: str) -> str:
    """The whole page. `method` is the link to docs/methodology.md, without an anchor."""
    files = resources.files("c1m.report")
    template = Template((files / "page.html").read_text("utf-8"))
    seen = run["run"]
    return template.substitute(
        identity=html.escape(seen["id"]),
        heading=f"Profile {html.escape(seen['profile'])}, {html.escape(seen['started_utc'][:10])}",
        style=(files / "page.css").read_text("utf-8"),
        facts=_facts(run),
        navigation=_navigation(figures),
        results=_results(tables, method),
        sections="\n".join(_section(name, figures, method) for name in _SECTIONS),
        checks=checks_table(run),
        invalid_cells=invalid_cells(run),
        environment=environment_table(run),
        limits=limits_table(run),
        reproduce=html.escape("\n".join(seen["reproduce"])),
        bundle=vl_convert.javascript_bundle(_SNIPPET).replace("</script", "<\\/script"),
        specifications=_specifications(figures),
        **_verdict(seen),
    )


def _verdict(seen: Document) -> dict[str, str]:
    if seen["valid"]:
        text = "Every group has its required number of valid repetitions."
        return {"verdict": "Valid.", "verdict_class": "good", "verdict_text": text, "reasons": ""}
    items = "".join(f"<li>{html.escape(reason)}</li>" for reason in seen["invalid_reasons"])
    word = "Partial and not valid." if seen["partial"] else "Not valid."
    return {
        "verdict": word,
        "verdict_class": "bad",
        "verdict_text": "Figures without a valid repetition are struck out.",
        "reasons": f"<ul>{items}</ul>",
    }


def _facts(run: Document) -> str:
    seen, env = run["run"], run["env"]
    placement = env["placement"]
    cpu = f"{env['cpu_model'] or 'unknown CPU'}, {env['cpus_online']} CPUs"
    facts = {
        "Machine": f"{cpu}, {env['memory_bytes'] / 2**30:.0f} GiB",
        "System": f"{env['os'] or 'unknown'}, Linux {env['kernel']}",
        "Placement": f"server: CPU {placement['server']}, generator: CPU {placement['generator']}",
        "Commit": f"{seen['commit'][:12]}{' with changes' if seen['dirty'] else ''}",
        "Run": f"seed {seen['seed']}, {len(run['cells'])} cells, {seen['duration_s'] / 60:.1f} min",
        "Started": seen["started_utc"][:19].replace("T", " ") + " UTC",
    }
    if seen["notes"]:
        facts["Notes"] = " ".join(seen["notes"])
    return "\n".join(
        f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts.items()
    )


def _navigation(figures: list[Figure]) -> str:
    drawn = {figure.section for figure in figures}
    links = {"results": "Results"}
    links |= {name: title for name, title in _SECTIONS.items() if name in drawn}
    links |= {"validity": "Validity", "machine": "Machine", "reproduce": "Reproduce"}
    return "".join(f'<a href="#{name}">{title}</a>' for name, title in links.items())


def _results(tables: list[TextTable], method: str) -> str:
    if not tables:
        return "<p>No cell ended well enough to show a figure.</p>"
    names = tables[0].backends
    head = "".join(
        f'<th class="number"><span class="swatch" style="background:{COLOURS[name]}"></span>'
        f"{title_of(name)}</th>"
        for name in names
    )
    body = []
    for table in tables:
        link = f'<a href="{html.escape(method)}#{table.anchor}">method</a>'
        head_cell = f'<th colspan="{len(names) + 1}">{html.escape(table.title)}{link}</th>'
        body.append(f'<tr class="group">{head_cell}</tr>')
        for row in table.rows:
            cells = "".join(_cell(each) for each in row.entries)
            body.append(f"<tr><td>{html.escape(row.label)}</td>{cells}</tr>")
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(each: Entry) -> str:
    text = html.escape(each.text)
    if each.detail:
        text += f'<span class="detail">{html.escape(each.detail)}</span>'
    return f'<td class="number">{f"<s>{text}</s>" if each.struck else text}</td>'


def _section(name: str, figures: list[Figure], method: str) -> str:
    mine = [figure for figure in figures if figure.section == name]
    if not mine:
        return ""
    words = "How this is measured, and what it cannot say"
    link = f'<p><a href="{html.escape(method)}#{name}">{words}</a></p>'
    drawn = "".join(_figure(figure) for figure in mine)
    return f'<section id="{name}"><h2>{_SECTIONS[name]}</h2>{link}{drawn}</section>'


def _figure(figure: Figure) -> str:
    title, words = html.escape(figure.title), html.escape(figure.explanation)
    return (
        f"<figure><figcaption><h3>{title}</h3><p>{words}</p></figcaption>"
        f'<div class="chart" id="figure-{figure.name}"></div></figure>'
    )


def _specifications(figures: list[Figure]) -> str:
    found: dict[str, Any] = {figure.name: figure.chart.to_dict() for figure in figures}
    # "</" would end the script element that the text stands in.
    return json.dumps(found, allow_nan=False).replace("</", "<\\/")
