"""A program that dies, hangs or writes rubbish ends the run; what was measured is on disk."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from c1m.results import read_run

# A fault, and a part of the sentence that names it.
FAULTS = [
    ("server-dies-at-start@coro", "before it was ready: c1m-fake: bind: Address already in use"),
    ("server-rubbish-ready@coro", "ready file that cannot be used"),
    ("server-dies@coro,load-slow@coro", "shard 0 was killed by signal 9 (SIGKILL)"),
    ("server-rubbish-stats@coro", "a stats line that cannot be used"),
    ("load-dies@coro", "c1m-load was killed by SIGKILL"),
    ("load-exits-1@coro", "Connection refused (ECONNREFUSED)"),
    ("load-rubbish@coro", "no document that can be used"),
]


def processes() -> str:
    return subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(("fault", "sentence"), FAULTS)
def test_the_run_ends_with_a_sentence_and_its_figures(
    fault: str, sentence: str, fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build)
    words_of_run = (*words, "--seed", "2", "--backends", "coro,floor")
    done = run_c1m(*words_of_run, "--out", tmp_path / "out", faults=fault, timeout_s=200)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    run = read_run(tmp_path / "out")
    assert run["run"]["partial"]
    assert not run["run"]["valid"]
    assert sentence in run["run"]["stopped_by"]
    last = run["cells"][-1]
    assert last["backend"] == "coro"
    assert last["partial"]
    assert not last["validity"]["valid"]
    # What ended well before it is kept as it was.
    assert all(cell["validity"]["valid"] for cell in run["cells"][:-1])
    assert (tmp_path / "out" / "raw" / last["id"]).is_dir()
    assert (tmp_path / "out" / "report.html").is_file()
    assert str(tmp_path) not in processes()


def test_a_server_that_ignores_sigterm_is_killed(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--backends", "uv")
    done = run_c1m(*words, "--out", tmp_path / "out", faults="server-ignores-sigterm")
    assert done.returncode == 1
    assert "did not end within 15 s of SIGTERM and was killed" in done.stderr
    assert str(tmp_path) not in processes()


def test_a_generator_that_hangs_is_ended(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--backends", "uv")
    done = run_c1m(*words, "--out", tmp_path / "out", faults="load-hangs", timeout_s=200)
    assert done.returncode == 1
    assert "c1m-load was stuck" in done.stderr
    assert read_run(tmp_path / "out")["run"]["partial"]
    assert str(tmp_path) not in processes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order(
    number: signal.Signals, code: int, start_slow_bench: Any, tmp_path: Path
) -> None:
    process = start_slow_bench(tmp_path / "out")
    process.send_signal(number)
    assert process.wait(30) == code
    run = read_run(tmp_path / "out")
    assert run["run"]["stopped_by"] == f"stopped by {number.name}"
    # The generator was told to stop and left its document: the cell has figures.
    assert run["cells"][-1]["partial"]
    assert run["cells"][-1]["counts"]["answered"] > 0
    assert str(tmp_path) not in processes()


def test_a_second_signal_ends_it_at_once(start_slow_bench: Any, tmp_path: Path) -> None:
    process = start_slow_bench(tmp_path / "out", "server-ignores-sigterm,load-hangs")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 130
    assert not (tmp_path / "out" / "run.json").exists()
    assert str(tmp_path) not in processes()


def test_no_program_outlives_a_killed_bench(start_slow_bench: Any, tmp_path: Path) -> None:
    process = start_slow_bench(tmp_path / "out")
    assert str(tmp_path) in processes()
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while str(tmp_path) in processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert str(tmp_path) not in processes()


def test_a_killed_server_ends_the_run(start_slow_bench: Any, tmp_path: Path) -> None:
    process = start_slow_bench(tmp_path / "out")
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    )
    server = next(
        line
        for line in listed.stdout.splitlines()
        if str(tmp_path) in line and "--ready-file" in line
    )
    os.kill(int(server.split()[0]), signal.SIGKILL)
    assert process.wait(30) == 1
    run = read_run(tmp_path / "out")
    assert "was killed by SIGKILL, while it was needed" in run["run"]["stopped_by"]
    assert run["cells"][-1]["counts"]["answered"] > 0
