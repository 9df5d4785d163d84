"""The tables of a run on a terminal.

Invariant: what is printed here is the result of `c1m bench`, and alone goes to stdout.
Not here: progress.
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from c1m.backends import BACKENDS
from c1m.documents import Document
from c1m.report.tables import Entry, all_tables

# Wide enough for every table where there is no terminal to ask.
_WIDTH_MIN = 130
# A narrower terminal gets the figures without their intervals.
_WIDTH_OF_DETAILS = 100


def result_console() -> Console:
    """Standard output; a pipe or a file gets whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, _WIDTH_MIN))


def print_tables(run: Document, console: Console) -> None:
    """One table with a section for each experiment, and the verdict on the run below it."""
    is_wide = console.width >= _WIDTH_OF_DETAILS
    table = Table(title=f"c1m {run['run']['id']}", title_justify="left", show_lines=False)
    table.add_column("", min_width=24)
    for backend in run["run"]["backends"]:
        table.add_column(BACKENDS[backend].name, justify="right")
    for section in all_tables(run):
        table.add_section()
        table.add_row(Text(section.title, style="bold"), *[""] * len(section.backends))
        for row in section.rows:
            table.add_row(f"  {row.label}", *[_cell(each, is_wide) for each in row.entries])
    console.print(table)
    seen = run["run"]
    if seen["valid"]:
        console.print("Every group has its required number of valid repetitions.", highlight=False)
        return
    console.print(
        "This run is not valid:" if not seen["partial"] else "This run is partial and not valid:"
    )
    for reason in seen["invalid_reasons"]:
        console.print(f"  - {reason}", markup=False, highlight=False)


def _cell(each: Entry, is_wide: bool) -> Text:
    text = Text(each.text, style="strike" if each.struck else "")
    if each.detail and is_wide:
        text.append(f"\n{each.detail}", style="dim strike" if each.struck else "dim")
    return text
