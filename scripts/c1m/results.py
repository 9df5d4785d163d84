"""The directory of a run: what stands in it and under which name.

    run.json       everything measured; reports are made from it alone
    env.json       the machine, a part of run.json by itself
    reproduce.sh   the command that repeats the run;  commands.txt  every single command line
    histograms/    <cell>.<kind>.hgrm   percentile tables of the public HdrHistogram form, in us
    series/        <cell>.server.csv, <cell>.timeline.csv
    report.html, summary.md, figures/   made by `c1m report`
    raw/           what a cell left that did not end well: logs, documents

Invariant: run.json is checked against its schema before it is written, and written last but for the
reports.
Not here: measuring, drawing.
"""

import csv
import io
import json
import shlex
from pathlib import Path

from hdrh.histogram import HdrHistogram

from c1m.documents import Document, check, read
from c1m.failure import CommandError
from c1m.storage import write_atomically


def write_run(directory: Path, run: Document) -> None:
    """Writes everything but the reports. Raises CommandError when a file cannot be written."""
    check("run", run)
    write_atomically(directory / "env.json", document_text(run["env"]))
    write_atomically(directory / "reproduce.sh", reproduce_script(run))
    write_atomically(directory / "commands.txt", _commands(run))
    for cell in run["cells"]:
        _write_cell(directory, cell)
    write_atomically(directory / "run.json", document_text(run))


def read_run(directory: Path) -> Document:
    """The document of a run, or of a run of profile million, whichever the directory has; its
    `kind` says which. Raises CommandError when there is none that can be used.
    """
    for kind in ("million", "run"):
        path = directory / f"{kind}.json"
        try:
            return read(kind, path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CommandError(f"cannot read {path}: {error}") from error
    raise CommandError(f"there is no run.json and no million.json in {directory}.")


def document_text(document: Document) -> str:
    """A document as its file holds it."""
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def reproduce_script(run: Document) -> str:
    """The commands that repeat a run; of any document with a `run` block."""
    lines = "\n".join(run["run"]["reproduce"])
    title = f"# Repeats {run['run']['id']} from a clone of the repository."
    return f"#!/bin/sh\n{title}\nset -e\n{lines}\n"


def _commands(run: Document) -> str:
    lines = []
    for cell in run["cells"]:
        lines.append(f"# {cell['id']}")
        lines += [
            shlex.join(cell["commands"][side])
            for side in ("server", "load")
            if cell["commands"][side]
        ]
    return "\n".join(lines) + "\n"


def _write_cell(directory: Path, cell: Document) -> None:
    for kind, block in (cell["latency_us"] or {}).items():
        if block is not None and block["count"]:
            write_atomically(
                directory / "histograms" / f"{cell['id']}.{kind}.hgrm", percentile_table(block)
            )
    if cell["server"]["samples"]:
        write_atomically(
            directory / "series" / f"{cell['id']}.server.csv", _csv(cell["server"]["samples"])
        )
    if cell["timeline"]:
        write_atomically(
            directory / "series" / f"{cell['id']}.timeline.csv", _csv(cell["timeline"])
        )


def percentile_table(block: Document) -> bytes:
    """A percentile block as a .hgrm table in microseconds."""
    histogram = HdrHistogram.decode(block["hdr_v2_b64"])
    output = io.BytesIO()
    histogram.output_percentile_distribution(output, 1000.0, 5)
    return output.getvalue()


def _csv(rows: list[Document]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    output = io.StringIO()
    writer = csv.DictWriter(output, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue()
