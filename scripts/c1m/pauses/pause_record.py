"""Documents of --pauses: the flags that ask for one, and reading it for one window.

What lies outside of the window is dropped before the rest is checked: at a million connections a
hundred loops stall for most of the ramp, and tens of thousands of stalls take long to check.

Invariant: what is left is of the published schema; a stall that reaches into the window is left.
Not here: where that file lies (load.py, server.py).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from c1m.documents import Document, InvalidDocumentError, check
from c1m.layout import display_path


@dataclass(frozen=True)
class PauseRecord:
    """One side's meters. A meter keeps its longest stalls; `complete_from_ns` is the length from
    which on none was dropped by any meter, 0 when all of them had room.
    """

    document: Document
    complete_from_ns: int


def pause_flags(path: Path, tick_ms: int) -> list[str]:
    """The flags of either side that switch its meters on."""
    return ["--pauses", display_path(path), "--pause-threshold", f"{tick_ms}ms"]


def read_pauses(path: Path, window: Document) -> PauseRecord:
    """The record in a file. Raises InvalidDocumentError; OSError passes through."""
    try:
        document = json.loads(path.read_text("utf-8", errors="replace"))
    except ValueError as error:
        raise InvalidDocumentError(f"not JSON: {error}") from error
    try:
        complete_from_ns = _complete_from_ns(document)
        _drop_outside(document, window["start_monotonic_ns"], window["end_monotonic_ns"])
    except (AttributeError, KeyError, TypeError, ValueError):
        complete_from_ns = 0  # it has not the form that it should have, as check() will say
    check("pauses", document)
    return PauseRecord(document, complete_from_ns)


def _complete_from_ns(document: Document) -> int:
    full = [
        meter["stalls"]
        for meter in document["meters"]
        if meter["stalls_total"] > len(meter["stalls"])
    ]
    return max((min(stall["amount_ns"] for stall in stalls) for stalls in full), default=0)


def _drop_outside(document: Document, begin_ns: int, end_ns: int) -> None:
    for meter in document["meters"]:
        meter["stalls"] = [
            stall
            for stall in meter["stalls"]
            if stall["end_ns"] > begin_ns and stall["begin_ns"] < end_ns
        ]
