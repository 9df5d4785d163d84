"""Fixtures of the tests of scripts/: a build directory of fake programs, a profile for them, the
command.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1]
FAKE = Path(__file__).with_name("fake_programs.py")

# Every experiment once, as short as the fakes allow.
PROFILE = """
[run]
repetitions_extra_max = 1
extra_until_s = 30
server_cpus = 1
generator_cpus = 1
stats_interval_ms = 50
message_bytes = 64
timeout_s = 0.2
[latency]
repetitions = 1
warmup_s = 0
duration_s = 0.3
points = [[100, 2000]]
[efficiency]
repetitions = 1
connections = 100
warmup_s = 0
duration_s = 0.3
"""

MORE = """
[capacity]
repetitions = 1
connections = 100
warmup_s = 0
duration_s = 0.2
p99_us_max = 10000
start_rps = 20000
rate_rps_min = 500
rate_rps_max = 200000
factor = 2
resolution = 0.5
probes_max = 6
[connect]
repetitions = 1
connections = 200
[memory]
repetitions = 1
rungs = [10, 100, 200]
settle_s = 0.1
hold_s = 0.4
[pauses]
repetitions = 1
connections = 100
rate_rps = 2000
warmup_s = 0
duration_s = 0.5
[latency_ws]
repetitions = 1
warmup_s = 0
duration_s = 0.3
points = [[50, 1000]]
[efficiency_ws]
repetitions = 1
connections = 50
warmup_s = 0
duration_s = 0.3
[memory_ws]
repetitions = 1
rungs = [20, 150, 250]
settle_s = 0.1
hold_s = 0.4
"""

Command = Callable[..., tuple[list[str], dict[str, str]]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def fake_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build directory whose programs are the fakes."""
    build = tmp_path_factory.mktemp("build")
    (build / "bin").mkdir()
    for name in ("c1m-threads", "c1m-uv", "c1m-coro", "c1m-floor", "c1m-load"):
        program = build / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" {name} "$@"\n')
        program.chmod(0o755)
    return build


@pytest.fixture
def short_profile(tmp_path: Path) -> Path:
    """Latency and efficiency alone."""
    path = tmp_path / "short.toml"
    path.write_text(PROFILE)
    return path


@pytest.fixture(scope="session")
def whole_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every experiment."""
    path = tmp_path_factory.mktemp("profile") / "whole.toml"
    path.write_text(PROFILE + MORE)
    return path


@pytest.fixture(scope="session")
def c1m_command() -> Command:
    """The words and the environment of the c1m command, with faults for the fakes."""

    def command(*words: str | Path, faults: str = "") -> tuple[list[str], dict[str, str]]:
        environment = {"PYTHONPATH": str(SCRIPTS), "C1M_FAKE": faults, "NO_COLOR": "1"}
        return (
            [sys.executable, "-P", "-m", "c1m", *(str(word) for word in words)],
            {**os.environ, **environment},
        )

    return command


@pytest.fixture(scope="session")
def run_c1m(c1m_command: Command) -> Run:
    """Runs the command to its end, which must come within a bound."""

    def run(
        *words: str | Path, faults: str = "", timeout_s: float = 240
    ) -> subprocess.CompletedProcess[str]:
        command, environment = c1m_command(*words, faults=faults)
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    return run


@pytest.fixture
def bench_command(c1m_command: Command) -> Callable[..., tuple[list[str], dict[str, str]]]:
    """The words and the environment of a bench."""

    def command(profile: Path, build: Path, out: Path) -> tuple[list[str], dict[str, str]]:
        return c1m_command("bench", "--profile", profile, "--build-dir", build, "--out", out)

    return command


@pytest.fixture(scope="session")
def whole_run(
    fake_build: Path, whole_profile: Path, tmp_path_factory: pytest.TempPathFactory, run_c1m: Run
) -> Path:
    """The results of one run of every experiment on the fakes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = run_c1m(
        "bench", "--profile", whole_profile, "--build-dir", fake_build, "--out", out, timeout_s=280
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def start_slow_bench(
    fake_build: Path, short_profile: Path, c1m_command: Command
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a bench whose first cell lasts 20 s, and returns when its generator runs."""
    started: list[subprocess.Popen[bytes]] = []

    def start(out: Path, faults: str = "") -> subprocess.Popen[bytes]:
        words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--out", out)
        command, environment = c1m_command(*words, faults=f"load-slow,{faults}")
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        started.append(process)
        for _ in range(200):
            if list(out.glob("raw/*/load.log")):
                time.sleep(1)  # the generator is a Python program; it needs a moment to start
                return process
            time.sleep(0.05)
        raise AssertionError("the bench did not start its generator within 10 s")

    yield start
    for process in started:
        process.kill()
        process.wait()
