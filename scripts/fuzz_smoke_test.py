"""The fuzzers' runner: a fuzzer that fails, one that hangs, and none at all are failures."""

import subprocess
import sys
from pathlib import Path

import fuzz_smoke
import pytest

import junit


def make_fuzzer(directory: Path, name: str, script: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def run(monkeypatch: pytest.MonkeyPatch, directory: Path, jobs: int = 1) -> int:
    arguments = ["fuzz_smoke", "--directory", str(directory), "--seconds", "1"]
    arguments += ["--jobs", str(jobs)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--junitxml", str(directory / "out" / "x.xml")])
    return fuzz_smoke.main()


def test_each_fuzzer_is_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_fuzzer(tmp_path, "codec_fuzz", "exit 0")
    make_fuzzer(tmp_path, "session_fuzz", "echo overflow >&2; exit 77")
    (tmp_path / "notes.txt").write_text("not a program\n")
    assert run(monkeypatch, tmp_path) == 1
    counts = junit.read(tmp_path / "out" / "x.xml")
    assert (counts.passed, counts.failures) == (1, ["session_fuzz"])


def test_fuzzers_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other, so that one after the other they would end by their time limit."""
    for own, other in (("a", "b"), ("b", "a")):
        wait = f"until [ -e {tmp_path}/{other}.begun ]; do sleep 0.02; done"
        make_fuzzer(tmp_path, f"{own}_fuzz", f"touch {tmp_path}/{own}.begun; {wait}")
    assert run(monkeypatch, tmp_path, jobs=2) == 0


def test_a_failure_shows_output_and_the_command_that_replays_it(tmp_path: Path) -> None:
    case = fuzz_smoke.run_fuzzer(make_fuzzer(tmp_path, "bad_fuzz", "echo overflow >&2; exit 1"), 1)
    assert case.failure is not None
    assert "overflow" in case.failure
    assert "-seed=1" in case.failure


def test_a_fuzzer_that_hangs_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def expire(*_args: object, **_kwargs: object) -> None:
        raise subprocess.TimeoutExpired("fuzzer", 61)

    monkeypatch.setattr(subprocess, "run", expire)
    case = fuzz_smoke.run_fuzzer(make_fuzzer(tmp_path, "stuck_fuzz", "sleep 1000"), 1)
    assert case.failure is not None
    assert "did not end in time" in case.failure


def test_no_fuzzers_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, tmp_path) == 1


def test_the_inputs_in_the_sources_are_tried(tmp_path: Path) -> None:
    seeds = tmp_path / "protocol" / "corpus" / "frames_fuzz"
    seeds.mkdir(parents=True)
    (tmp_path / "protocol" / "corpus" / "other_fuzz").mkdir()
    assert fuzz_smoke.find_seeds("frames_fuzz", tmp_path) == [seeds]
    assert fuzz_smoke.find_seeds("frames_fuzz"), "the checkout has some"
