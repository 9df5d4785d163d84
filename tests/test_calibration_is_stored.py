"""c1m-load --calibrate measures the generator against an echo of its own and stores it, whole."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from c1m.doctor.facts import System
from c1m.doctor.observations import observations
from c1m.documents import read

# Narrow enough that it is over in seconds; the figures are not looked at.
SHORT = (
    *("-c", "2", "-d", "100ms", "--warmup", "0s", "--max-send-lag-p99", "1m"),
    *("--search-rates", "50:100", "--search-steps", "6", "--progress", "never"),
)


def test_the_doctor_finds_what_was_stored(programs: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [programs / "c1m-load", "--calibrate", *SHORT],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "floor" in done.stdout
    path = tmp_path / "c1m" / "calibration.json"
    document = read("calibration", path)
    assert document["steps"] > 0
    assert 0 < document["floor"]["p50_us"] <= document["floor"]["p99_us"]
    seen = observations(System(calibration_path=path))
    (punctual,) = [each for each in seen if each.name == "punctual rate of the generator"]
    assert punctual.value == document["punctual_rps"]


def test_what_cannot_be_stored_is_said(programs: Path) -> None:
    path = "/proc/calibration.json"
    done = subprocess.run(
        [programs / "c1m-load", "--calibrate", *SHORT, "--calibration-file", path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert path in done.stderr
    assert "floor" in done.stdout, "the figures are not lost with the file"
