"""The bench on the real programs: their documents are of the schema, their death is noticed.

Invariant: programs that were not built fail these tests. No figure is judged: the build under test
is not a release build, and the machine may be busy.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from c1m.documents import Document
from c1m.layout import TOP
from c1m.results import read_run

BACKENDS = ("threads", "uv", "coro", "floor")
# What a busy machine or a debug build may fail; everything else must pass.
FORGIVEN = {
    "release_build",
    "send_lag_p99_us",
    "generator_cpu",
    "rate_achieved",
    "nothing_late",
    "steal",
    "throttled",
    "stats_span",
}

LONG_CELL = """
[run]
repetitions_extra_max = 0
extra_until_s = 1
server_cpus = 1
generator_cpus = 1
stats_interval_ms = 100
message_bytes = 64
timeout_s = 1
[latency]
repetitions = 1
warmup_s = 0
duration_s = 60
points = [[50, 500]]
"""


@pytest.fixture(scope="session")
def real_build() -> Path:
    """The build tree under test: $C1M_BUILD_DIR, by default build/dev."""
    build = TOP / os.environ.get("C1M_BUILD_DIR", "build/dev")
    for name in ("c1m-load", *(f"c1m-{backend}" for backend in BACKENDS)):
        assert (build / "bin" / name).is_file(), f"{build}/bin/{name} is missing: run `make build`"
    return build


def test_every_experiment_on_every_backend(
    real_build: Path, whole_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    out = tmp_path / "out"
    words = ("bench", "--profile", whole_profile, "--build-dir", real_build)
    done = run_c1m(*words, "--out", out, timeout_s=280)
    assert done.returncode == 0, done.stderr
    run = read_run(out)
    assert not run["run"]["partial"]
    found = {(cell["experiment"], cell["backend"]) for cell in run["cells"]}
    experiments = ("latency", "efficiency", "capacity", "connect", "memory", "pauses")
    assert found == {(name, backend) for name in experiments for backend in BACKENDS}
    for cell in run["cells"]:
        failed = {c["name"] for c in cell["validity"]["checks"] if c["ok"] is False}
        assert cell["experiment"] == "capacity" or failed <= FORGIVEN, cell["id"]
        assert cell["connections"]["established"] == cell["settings"]["connections"]
    described = (TOP / "docs" / "methodology.md").read_text("utf-8")
    with_cost: set[str] = set()
    for cell in run["cells"]:
        for made in cell["validity"]["checks"]:
            assert f"`{made['name']}`" in described
        if cell["experiment"] == "efficiency" and has_cost(cell):
            with_cost.add(cell["backend"])
        if cell["experiment"] == "memory":
            assert cell["server"]["pss_bytes"] > 0
    assert with_cost - {"threads"}, "all of them starved, or never read"
    assert (out / "report.html").is_file()


def has_cost(cell: Document) -> bool:
    """Whether the server's CPU time a request is known. The supervisor shares the CPU with its
    server, with a hundred busy threads at worst; where it is kept from writing two lines in so
    short a window, the cell must say why and for this reason not be valid."""
    server = cell["server"]
    span = next(c for c in cell["validity"]["checks"] if c["name"] == "stats_span")
    if span["ok"] is False:
        assert span["explanation"] in cell["validity"]["invalid_reasons"]
        if server["cpu_us_per_request"] is None:
            assert server["unavailable"]["cpu_us_per_request"]
            return False
    assert server["cpu_us_per_request"] is not None, (cell["id"], server["unavailable"])
    assert server["cpu_us_per_request"] > 0
    assert server["cpu_utilization"] <= 1.2
    return True


@pytest.fixture
def running_bench(
    real_build: Path, tmp_path: Path, c1m_command: Any
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A bench in the middle of a cell of a minute, and its results directory."""
    profile, out = tmp_path / "long.toml", tmp_path / "out"
    profile.write_text(LONG_CELL)
    words = ("bench", "--profile", profile, "--build-dir", real_build, "--backends", "floor")
    command, environment = c1m_command(*words, "--out", out)
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_for_traffic(out)
        yield process, out
    finally:
        process.kill()
        process.wait()


def wait_for_traffic(out: Path) -> None:
    """Returns when the server has received something."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for stats in out.glob("raw/*/stats.jsonl"):
            if re.search(r'"bytes_received": ?[1-9]', stats.read_text("utf-8")):
                time.sleep(0.5)
                return
        time.sleep(0.05)
    raise AssertionError("no request reached the server within 60 s")


def pid_of(part: str, out: Path) -> int:
    """The process id of the generator, of the server's supervisor, or of its shard."""
    ready = next(out.glob("raw/*/ready.json")).read_text("utf-8")
    if part == "load":
        listed = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        mine = [line.split() for line in listed if "c1m-load" in line and str(out) in line]
        pids = {words[0] for words in mine}
        return int(next(words[0] for words in mine if words[1] not in pids))
    found = [int(pid) for pid in re.findall(r'"pid": ?(\d+)', ready)]
    return min(found) if part == "supervisor" else max(found)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("shard", "shard 0"),
        ("supervisor", "c1m-floor was killed by SIGKILL, while it was needed"),
        ("load", "c1m-load was killed by SIGKILL"),
    ],
)
def test_a_killed_part_ends_the_run_with_its_figures(
    part: str, sentence: str, running_bench: tuple[subprocess.Popen[str], Path]
) -> None:
    process, out = running_bench
    os.kill(pid_of(part, out), signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert sentence in errors
    run = read_run(out)
    assert run["run"]["partial"]
    assert not run["run"]["valid"]
    cell = run["cells"][-1]
    assert cell["partial"]
    assert any(sample["bytes_received"] for sample in cell["server"]["samples"])
    if part != "load":  # a killed generator leaves no document
        assert cell["counts"]["answered"] > 0
