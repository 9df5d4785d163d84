"""`c1m doctor`: examines this machine, prints the findings, refuses what does not fit.

Not here: the findings themselves (limits.py), the settings of the kernel (kernel/).
"""

import json

from rich.console import Console

from c1m.doctor.facts import System
from c1m.doctor.text import examine, print_document, refusal
from c1m.documents import check
from c1m.failure import CommandError, LimitError
from c1m.kernel.journal import SettingsJournal, default_journal
from c1m.report.terminal import result_console


def run_doctor(connections: int | None, as_json: bool) -> None:
    """Prints the document or tables. Raises LimitError when `connections` do not fit."""
    system = System()
    document = examine(system, connections)
    check("doctor", document)
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        print_document(document, result_console())
    if SettingsJournal(system, default_journal(), _say).pending():
        _say(
            f"{default_journal()}: a run has raised kernel settings and not put them back yet; "
            "if it has ended, `c1m doctor --restore` does"
        )
    text = refusal(document, connections) if connections is not None else None
    if text is not None:
        raise LimitError(text)


def restore_settings() -> None:
    """Puts back what a run that crashed has raised. Raises CommandError when something fails."""
    journal = SettingsJournal(System(), default_journal(), _say)
    if not journal.pending():
        _say(f"kernel settings: nothing to put back ({default_journal()} is not there)")
        return
    outcome = journal.restore()
    if outcome.failed:
        names = ", ".join(change.name for change in outcome.failed)
        raise CommandError(f"{names} could not be put back; the journal is kept.")


def _say(text: str) -> None:
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
