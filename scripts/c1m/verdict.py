"""Whether a run's figures may be compared: groups, searches, and the run as a whole.

Invariant: nothing is deleted to make a run valid; invalid cells stay, and a group is good when
enough of its repetitions are. Probes of a capacity search fail by design: there the search counts,
not its probes.
Not here: the checks inside a cell (the load generator's, and cells.py).
"""

from collections import Counter
from dataclasses import dataclass

from c1m.documents import Document


@dataclass(frozen=True)
class Required:
    """The valid repetitions that a profile asks for, of a group and each backend in it."""

    group: str
    backends: list[str]
    repetitions: int


def groups(
    cells: list[Document], required: list[Required], searches: list[Document]
) -> list[Document]:
    """The "groups" of run.json."""
    made: Counter[tuple[str, str]] = Counter()
    valid: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        if cell["experiment"] != "capacity":
            made[cell["group"], cell["backend"]] += 1
            valid[cell["group"], cell["backend"]] += bool(cell["validity"]["valid"])
    for search in searches:
        group = f"capacity/c{search['connections']}"
        made[group, search["backend"]] += 1
        valid[group, search["backend"]] += search["held_rps"] is not None
    return [
        {
            "group": each.group,
            "experiment": each.group.partition("/")[0],
            "backend": backend,
            "required": each.repetitions,
            "valid": valid[each.group, backend],
            "cells": made[each.group, backend],
        }
        for each in required
        for backend in each.backends
    ]


def lacking(found: list[Document]) -> list[Document]:
    """Groups without their required number of valid repetitions."""
    return [group for group in found if group["valid"] < group["required"]]


def invalid_reasons(
    found: list[Document], cells: list[Document], stopped_by: str | None
) -> list[str]:
    """One sentence a reason why the run is not valid; none when it is."""
    if stopped_by:
        missing = f"{len(lacking(found))} of {len(found)} groups lack valid repetitions"
        return [f"the run ended early: {stopped_by}", missing]
    reasons = []
    for group in lacking(found):
        mine = [
            cell
            for cell in cells
            if cell["group"] == group["group"] and cell["backend"] == group["backend"]
        ]
        failed = Counter(
            check["name"]
            for cell in mine
            for check in cell["validity"]["checks"]
            if check["ok"] is False
        )
        names = ", ".join(f"{name} ({count})" for name, count in failed.most_common(3))
        reasons.append(
            f"{group['group']}, {group['backend']}: {group['valid']} of {group['required']} "
            f"required repetitions are valid" + (f"; failed checks: {names}" if names else "")
        )
    return reasons


# Checks on the generator's pace. A response time counts from the intended moment, so a generator
# that falls behind makes it longer, never shorter: a rate that is held in spite of it is held.
_GENERATOR = {"send_lag_p99_us", "generator_cpu"}
_MACHINE = {
    "softnet_drops",
    "conntrack_drops",
    "syn_cookies",
    "syn_queue_drops",
    "listen_overflows",
    "steal",
    "throttled",
    "realtime_step",
}


def judge_probe(cell: Document, p99_us_max: float) -> tuple[bool, str | None, str]:
    """Whether a rate was held; if not, what bound it; and the figures behind that.

    Where the generator or the machine was out of bounds, a rate that was not held says nothing
    about the server, so they are named before it.
    """
    failed = {check["name"] for check in cell["validity"]["checks"] if check["ok"] is False}
    response = (cell["latency_us"] or {}).get("response")
    p99_us = response["p99"] if response else None
    text = f"response p99 {p99_us:.0f} us" if p99_us is not None else "no response time"
    if failed:
        text += "; failed: " + ", ".join(sorted(failed))
    in_time = p99_us is not None and p99_us < p99_us_max
    if in_time and failed <= _GENERATOR:
        return True, None, text
    for who, checks in (("machine", _MACHINE), ("generator", _GENERATOR)):
        if failed & checks:
            return False, who, text
    return False, ("server" if in_time else "response_p99"), text
