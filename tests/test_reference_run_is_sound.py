"""The committed reference run follows its schema, proves itself, and is what its report shows."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import BACKENDS
from reference_runs import (
    REFERENCE,
    assert_clean_release_builds,
    assert_counts_add_up,
    read_reference,
)

from c1m import documents


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """run.json of the reference run."""
    return read_reference("run.json")


def test_it_follows_the_schema(document: dict[str, Any]) -> None:
    documents.check("run", document)


def test_it_is_valid_whole_and_from_a_clean_release_build(document: dict[str, Any]) -> None:
    run = document["run"]
    assert run["profile"] == "quick"
    assert run["valid"] is True
    assert run["invalid_reasons"] == []
    assert run["partial"] is False
    assert run["dirty"] is False
    assert_clean_release_builds(document["cells"], run["commit"])


def test_every_backend_has_its_valid_repetitions(document: dict[str, Any]) -> None:
    valid: dict[tuple[str, str], int] = {}
    for cell in document["cells"]:
        if cell["experiment"] == "latency" and cell["validity"]["valid"]:
            key = (cell["group"], cell["backend"])
            valid[key] = valid.get(key, 0) + 1
    assert {backend for _, backend in valid} == set(BACKENDS)
    assert min(valid.values()) >= 3


def test_the_counts_of_every_cell_add_up(document: dict[str, Any]) -> None:
    assert_counts_add_up(cell for cell in document["cells"] if cell["counts"] is not None)


def test_the_report_is_of_this_run(document: dict[str, Any]) -> None:
    run_id = document["run"]["id"]
    for name in ("report.html", "summary.md", "reproduce.sh"):
        assert run_id in (REFERENCE / name).read_text(), name
    assert list((REFERENCE / "figures").glob("*.svg"))
