"""The article's worker pool: a million tasks, each result once, and no leak reported.

Not here: how long it took and how much memory; the document says that, and no test judges it.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import jsonschema
import pytest
from conftest import ROOT

TIMEOUT_S = 120
TASKS = 1_000_000
PROGRAM = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "article" / "r04_pool"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    assert PROGRAM.is_file(), f"{PROGRAM} is missing: run `make build`"
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=TIMEOUT_S)


@pytest.mark.parametrize("processors", [1, 2])
def test_every_result_of_a_million_tasks_arrives(processors: int) -> None:
    done = _run(str(processors))
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    schema = json.loads((ROOT / "results/schema/article_r04.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["processors"] == processors
    claimed = document["claimed"]
    assert document["tasks"] == claimed["tasks"] == TASKS
    assert document["queue_max"] == claimed["queue_max"]
    a_core = document["workers"] / processors
    assert claimed["workers_a_core_min"] <= a_core <= claimed["workers_a_core_max"]
    measured = document["measured"]
    assert measured["results"] == TASKS
    assert measured["results_right"]
    assert measured["leak_reports"] == 0
    growth = measured["rss_after_all_bytes"] - measured["rss_after_tenth_bytes"]
    assert measured["rss_growth_after_tenth_bytes"] == growth


@pytest.mark.parametrize("words", [("0",), ("1000",), ("two",), ("2x",), ("1", "2")])
def test_wrong_usage_is_refused(words: tuple[str, ...]) -> None:
    done = _run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PROCESSORS" in done.stderr
