"""The article's G-M-P demonstration: every coroutine prints its line, and the counts add up.

Not here: how much memory it took; the document says that, and no test judges it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT

TIMEOUT_S = 120
COROUTINES = 100_000
PROGRAM = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "article" / "r02_gmp"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    assert PROGRAM.is_file(), f"{PROGRAM} is missing: run `make build`"
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=TIMEOUT_S)


def _document(line: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(line)
    schema = json.loads((ROOT / "results/schema/article_r02.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


@pytest.mark.parametrize("processors", [1, 2])
def test_all_print_and_the_count_is_right_after_the_spawns(processors: int) -> None:
    done = _run(str(processors))
    assert (done.returncode, done.stderr) == (0, "")
    *lines, last = done.stdout.splitlines()
    expected = {f"coroutine {number}" for number in range(1, COROUTINES + 1)}
    assert len(lines) == COROUTINES
    assert set(lines) == expected
    document = _document(last)
    assert document["coroutines"] == COROUTINES
    assert document["processors"] == processors
    measured = document["measured"]
    assert measured["live_after_spawning"] + measured["ended_by_then"] == COROUTINES + 1
    assert measured["live_at_end"] == 0
    if processors == 1:
        # Nobody else can run them while the first one spawns.
        assert measured["live_after_spawning"] == document["claimed"]["live_after_spawning"]
    growth = measured["rss_after_spawning_bytes"] - measured["rss_before_bytes"]
    assert measured["rss_growth_bytes"] == growth


@pytest.mark.parametrize("words", [("0",), ("1000",), ("two",), ("2x",), ("1", "2")])
def test_wrong_usage_is_refused(words: tuple[str, ...]) -> None:
    done = _run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PROCESSORS" in done.stderr


def test_a_document_that_cannot_be_written_is_a_failure() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAM, "1"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S
        )
    assert done.returncode == 1
    assert "standard output" in done.stderr
