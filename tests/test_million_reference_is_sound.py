"""The committed run of profile million: complete, valid, and what its report shows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from reference_runs import (
    REFERENCE,
    assert_clean_release_builds,
    assert_counts_add_up,
    read_reference,
)

from c1m import documents

DIRECTORY = REFERENCE / "million"
MILLION = 1_000_000
REPEATED = {"uv", "coro-compact", "floor"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """million.json of the reference run."""
    return read_reference("million/million.json")


def test_it_follows_the_schema(document: dict[str, Any]) -> None:
    documents.check("million", document)


def test_it_is_valid_whole_and_from_a_clean_release_build(document: dict[str, Any]) -> None:
    run = document["run"]
    assert run["profile"] == "million"
    assert (run["valid"], run["partial"], run["dirty"]) == (True, False, False)
    assert_clean_release_builds(document["sessions"], run["commit"])


def test_repetitions_are_complete_and_each_connection_was_proven_alive(
    document: dict[str, Any],
) -> None:
    valid = Counter[tuple[str, int]]()
    for session in document["sessions"]:
        if session["validity"]["valid"]:
            valid[session["variant"], session["connections_wanted"]] += 1
            held = session["connections"]
            assert held["proven"] == held["established"] == held["at_end"], session["id"]
    for variant in REPEATED:
        assert valid[variant, 100_000] == 10
        assert valid[variant, MILLION] == 3
    assert valid["coro-dedicated", MILLION] == 1


def test_threads_met_a_wall_that_is_named_and_were_measured_below(
    document: dict[str, Any],
) -> None:
    (wall,) = document["walls"]
    assert wall["variant"] == "threads"
    assert wall["cause"].startswith(wall["kind"])
    below = [
        session["connections_wanted"]
        for session in document["sessions"]
        if session["variant"] == "threads" and session["validity"]["valid"]
    ]
    assert 100_000 < max(below) < wall["reached"]


def test_the_counts_of_every_session_add_up(document: dict[str, Any]) -> None:
    assert_counts_add_up(each for each in document["sessions"] if each["wall"] is None)


def test_the_report_is_of_this_run_and_names_each_session_that_failed(
    document: dict[str, Any],
) -> None:
    for name in ("report.html", "summary.md"):
        text = (DIRECTORY / name).read_text()
        assert document["run"]["id"] in text, name
        for session in document["sessions"]:
            if session["wall"] is None and not session["validity"]["valid"]:
                assert session["id"] in text, session["id"]
    commit = document["run"]["commit"]
    assert f"git checkout {commit}" in (DIRECTORY / "reproduce.sh").read_text()
    assert {path.suffix for path in (DIRECTORY / "figures").iterdir()} == {".svg", ".png"}
