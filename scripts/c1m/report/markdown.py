"""summary.md: the tables of a run and its verdict, for a reader without a browser.

Invariant: it says the same as the page's results.
Not here: charts, which it links.
"""

from c1m.documents import Document
from c1m.report.figures import Figure
from c1m.report.tables import Entry, TextTable
from c1m.report.theme import title_of


def render_summary(
    run: Document, tables: list[TextTable], figures: list[Figure], method: str
) -> str:
    """The text of summary.md."""
    seen, env = run["run"], run["env"]
    lines = [f"# c1m: {seen['id']}", "", _verdict(seen), ""]
    lines += [f"- {reason}" for reason in seen["invalid_reasons"]]
    lines += [f"- note: {note}" for note in seen["notes"]]
    lines += [
        "",
        f"{env['cpu_model'] or 'unknown CPU'}, {env['cpus_online']} CPUs, "
        f"{env['memory_bytes'] / 2**30:.0f} GiB, Linux {env['kernel']}; "
        f"{env['placement']['note']}; "
        f"seed {seen['seed']}, {len(run['cells'])} cells in {seen['duration_s'] / 60:.1f} minutes.",
        "",
        "Medians over the valid repetitions, with their intervals. ~~Struck out~~: no valid "
        "repetition.",
        "",
    ]
    for table in tables:
        lines += _table(table, method)
    lines += ["## Figures", ""]
    lines += [f"- [{figure.title}](figures/{figure.name}.svg)" for figure in figures]
    lines += ["", "## Reproduce", "", "```sh", *seen["reproduce"], "```", ""]
    return "\n".join(lines)


def _verdict(seen: Document) -> str:
    if seen["valid"]:
        return "**Valid.** Every group has its required number of valid repetitions."
    return "**Partial and not valid.**" if seen["partial"] else "**Not valid.**"


def _table(table: TextTable, method: str) -> list[str]:
    head = " | ".join(title_of(name) for name in table.backends)
    rule = " | ".join("---:" for _ in table.backends)
    rows = [
        f"| {row.label} | {' | '.join(_cell(each) for each in row.entries)} |" for row in table.rows
    ]
    title = f"## {table.title}"
    return [
        title,
        "",
        f"| | {head} |",
        f"| --- | {rule} |",
        *rows,
        "",
        f"[Method]({method}#{table.anchor})",
        "",
    ]


def _cell(each: Entry) -> str:
    text = f"{each.text} ({each.detail})" if each.detail else each.text
    return f"~~{text}~~" if each.struck else text
