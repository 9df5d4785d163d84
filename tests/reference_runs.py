"""What holds of every committed run, whatever its profile: where it was built, and its counts.

Parts are the cells of run.json or the sessions of million.json.
Not here: what a profile's run has to hold (test_reference_run_is_sound.py and its sibling).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from conftest import ROOT

REFERENCE = ROOT / "results" / "reference"


def read_reference(path: str) -> dict[str, Any]:
    """A document below results/reference/."""
    document: dict[str, Any] = json.loads((REFERENCE / path).read_text())
    return document


def assert_clean_release_builds(parts: Iterable[dict[str, Any]], commit: str) -> None:
    """Every program of every part was a release build of the run's commit, without changes."""
    for part in parts:
        for build in part["builds"].values():
            assert build["preset"] == "release"
            assert build["commit"] == commit
            assert build["dirty"] is False


def assert_counts_add_up(parts: Iterable[dict[str, Any]]) -> None:
    """Each planned request was sent or not, each sent one answered, lost or in flight."""
    for part in parts:
        counts = part["counts"]
        assert counts["planned"] == counts["sent"] + counts["unsent"], part["id"]
        settled = counts["answered"] + counts["lost"] + counts["in_flight_at_end"]
        assert counts["sent"] == settled, part["id"]
