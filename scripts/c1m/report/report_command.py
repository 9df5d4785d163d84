"""`c1m report`: every report file of a run, from its run document alone.

Invariant: running it again on the same run.json replaces the files with the same content.
Not here: tables and charts.
"""

import json
import os
from pathlib import Path

import vl_convert

from c1m.documents import Document
from c1m.layout import TOP
from c1m.report.figures import Figure, all_figures
from c1m.report.markdown import render_summary
from c1m.report.page import render_page
from c1m.report.tables import all_tables
from c1m.storage import write_atomically

# Twice the size in CSS pixels, so that a PNG is sharp on any screen.
_PNG_SCALE = 2.0


def write_report(directory: Path, run: Document) -> None:
    """Writes summary.md, report.html and figures/. Raises CommandError."""
    tables, figures = all_tables(run), all_figures(run)
    method = os.path.relpath(TOP / "docs" / "methodology.md", directory.absolute())
    write_atomically(directory / "summary.md", render_summary(run, tables, figures, method))
    write_atomically(directory / "report.html", render_page(run, tables, figures, method))
    for figure in figures:
        _write_pictures(directory / "figures", figure)


def _write_pictures(directory: Path, figure: Figure) -> None:
    specification = json.dumps(figure.chart.to_dict())
    svg = vl_convert.vegalite_to_svg(specification)
    png = vl_convert.vegalite_to_png(specification, scale=_PNG_SCALE)
    write_atomically(directory / f"{figure.name}.svg", svg)
    write_atomically(directory / f"{figure.name}.png", png)
