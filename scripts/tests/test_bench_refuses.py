"""Wrong usage, missing programs, places that cannot be written: a sentence and an exit code."""

import os
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            ["bench", "--profile", "nonsense"],
            2,
            "there are: full, million, million-once, pauses, quick",
        ),
        (["bench", "--backends", "uv,go"], 2, "'go' is not a backend"),
        (["bench", "--backends", ","], 2, "the list is empty"),
        (["bench", "--seed", "-1"], 2, "--seed"),
        (["bench", "--speed", "1"], 2, "No such option"),
        (["bench", "--build-dir", "/nonexistent"], 1, "make build"),
        (["doctor", "--connections", "0"], 2, "--connections"),
        (["doctor", "--connections", "100000000"], 4, "allows"),
        (["report", "/nonexistent"], 1, "there is no run.json"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_refusals(words: list[str], code: int, sentence: str, run_c1m: Any) -> None:
    done = run_c1m(*words)
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_program_is_named(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    build = tmp_path / "build"
    shutil.copytree(fake_build, build)
    (build / "bin" / "c1m-uv").unlink()
    done = run_c1m(
        "bench", "--profile", short_profile, "--build-dir", build, "--out", tmp_path / "o"
    )
    assert done.returncode == 1
    assert "c1m-uv not found" in done.stderr
    assert not (tmp_path / "o").exists()


def test_results_of_another_run_are_not_overwritten(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text("{}")
    done = run_c1m("bench", "--profile", short_profile, "--build-dir", fake_build, "--out", out)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (out / "run.json").read_text() == "{}"


def test_a_place_that_cannot_be_written_is_refused(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    done = run_c1m("bench", "--profile", short_profile, "--build-dir", fake_build, "--out", out)
    assert done.returncode == 1
    assert "cannot write to" in done.stderr


def test_a_disk_that_is_full_at_the_end(
    fake_build: Path, short_profile: Path, tmp_path: Path, bench_command: Any
) -> None:
    # A bound on file size is a full disk that needs no rights: all but run.json fits.
    limit = 60_000
    command, environment = bench_command(short_profile, fake_build, tmp_path / "out")
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "run.json: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    left = [path.name for path in (tmp_path / "out").rglob("*")]
    assert "run.json" not in left
    assert not any(name.endswith(".part") for name in left)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_disk_that_is_full_from_the_start(
    fake_build: Path, short_profile: Path, tmp_path: Path, bench_command: Any
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    command, environment = bench_command(short_profile, fake_build, small / "out")
    script = 'mount -t tmpfs -o size=16k none "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(small), *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
