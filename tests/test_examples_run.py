"""The examples do what their first lines say."""

from __future__ import annotations

import os
import re
import subprocess

from conftest import ROOT

TIMEOUT_S = 60
PROGRAMS = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "examples"


def _output(example: str) -> list[str]:
    program = PROGRAMS / example
    assert program.is_file(), f"{program} is missing: run `make build`"
    done = subprocess.run([program], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_pipeline_waits_for_its_slowest_stage() -> None:
    numbers, under_way = _output("pipeline")
    expected = sum(number * number for number in range(1, 1001))
    assert numbers == f"1000 numbers, sum of squares {expected}"
    found = re.fullmatch(r"never more than (\d+) under way", under_way)
    assert found is not None
    # Two channels of four, two workers and the sink.
    assert 1 <= int(found[1]) <= 11


def test_a_select_gives_up_in_time() -> None:
    assert _output("select_timeout") == [
        "answered after 0 s: answer 42",
        "answered after 3600 s: gave up",
    ]
