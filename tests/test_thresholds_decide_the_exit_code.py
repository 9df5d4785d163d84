"""Limits that the user sets: kept is 0, crossed is 99, not valid under --strict is 3 before that.

The bounds are such that no machine can miss them: a nanosecond, an hour, no errors at all.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import RunLoad, StartServer

FLAGS = ("-c", "5", "-R", "200", "-d", "1s", "--warmup", "0s")
KEPT = ("--threshold", "p99<1h", "--threshold", "errors<=0", "--threshold", "rate>1")
CROSSED = ("--threshold", "p50<1ns")
# A send lag of nothing at all is out of reach, so that such a run is not valid.
NOT_VALID = ("--max-send-lag-p99", "0s")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (KEPT, 0),
        ((*KEPT, *CROSSED), 99),
        ((*CROSSED, *NOT_VALID), 99),
        ((*CROSSED, *NOT_VALID, "--strict"), 3),
        ((*KEPT, *NOT_VALID), 0),
    ],
)
def test_exit_code(
    flags: tuple[str, ...], code: int, run_load: RunLoad, start_server: StartServer
) -> None:
    run = run_load(start_server("floor").target, *FLAGS, *flags)
    assert run.exit_code == code, run.stderr
    verdicts = {each["text"]: each for each in run.checked["thresholds"]}
    assert verdicts.keys() == set(flags) & {"p99<1h", "errors<=0", "rate>1", "p50<1ns"}
    for text, verdict in verdicts.items():
        assert verdict["ok"] is (text != "p50<1ns")
        assert verdict["value"] is not None
    assert ("p50<1ns" in run.stderr) is (code != 0), "what was crossed is said beside the document"


def test_text_shows_each_with_its_figure(programs: Path, start_server: StartServer) -> None:
    command: list[str | Path] = [programs / "c1m-load", "--target", start_server("floor").target]
    command += [*FLAGS, *KEPT, *CROSSED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 99
    lines = [line for line in done.stdout.splitlines() if line.startswith("  threshold ")]
    assert len(lines) == 4
    assert [line.endswith("CROSSED") for line in lines] == [False, False, False, True]
    assert "errors<=0: 0 requests (bound <= 0), kept" in lines[1]


def test_a_lost_target_fails_before_any_threshold(
    run_load: RunLoad, start_server: StartServer
) -> None:
    server = start_server("floor")
    server.stop()
    run = run_load(server.target, *FLAGS, *KEPT)
    assert run.exit_code == 1
    document = json.loads(run.stdout)
    assert not any(verdict["ok"] for verdict in document["thresholds"]), "nothing was measured"
