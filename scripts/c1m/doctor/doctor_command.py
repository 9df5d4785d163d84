"""`c1m doctor`: examines this machine, prints the findings, refuses what does not fit.

Not here: the findings themselves (limits.py).
"""

import json

from c1m.doctor.facts import System
from c1m.doctor.text import examine, print_document, refusal
from c1m.documents import check
from c1m.failure import LimitError
from c1m.report.terminal import result_console


def run_doctor(connections: int | None, as_json: bool) -> None:
    """Prints the document or tables. Raises LimitError when `connections` do not fit."""
    document = examine(System())
    check("doctor", document)
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        print_document(document, result_console())
    text = refusal(document, connections) if connections is not None else None
    if text is not None:
        raise LimitError(text)
