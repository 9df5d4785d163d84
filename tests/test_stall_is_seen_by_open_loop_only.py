"""The method, end to end, up to the report: a server that stands still for 1 s in every 10 s.

Open loop: a tenth of the requests falls into the stall and waits uniformly between 0 and 1 s, so
the response percentiles have a closed form: quantile q > 0.9 is (q - 0.9) / 0.1 seconds, hence
p95 = 0.5 s and p99 = 0.9 s. Closed loop: each connection loses one request a stall, and the
percentiles hide it. This is coordinated omission (Gil Tene, "How NOT to Measure Latency").
The bounds are statistical and wide: they hold unless the machine itself stalls for 100 ms.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import ROOT, RunLoad, Server, StartServer

STALL_S = 1.0
PERIOD_S = 10.0

PROFILE = """
[run]
repetitions_extra_max = 0
extra_until_s = 1
server_cpus = 1
generator_cpus = 1
stats_interval_ms = 250
message_bytes = 64
timeout_s = 2
[latency]
repetitions = 1
warmup_s = 0.5
duration_s = 20
points = [[50, 500]]
"""


@contextmanager
def stalls(pids: list[int]) -> Iterator[None]:
    """Stops the processes for STALL_S in every PERIOD_S while the block runs."""
    done = threading.Event()

    def cycle() -> None:
        begin = time.monotonic()
        while not done.wait(max(0.0, begin + PERIOD_S - STALL_S - time.monotonic())):
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(STALL_S)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            begin += PERIOD_S

    thread = threading.Thread(target=cycle)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _run_with_stalls(run_load: RunLoad, server: Server, *flags: str) -> dict[str, float]:
    with stalls(server.shard_pids):
        run = run_load(
            server.target, "-c", "50", "-d", "20s", "--warmup", "500ms", *flags, timeout_s=90
        )
    latency = run.checked["latency_us"]
    block: dict[str, float] = latency["response"] or latency["service"]
    return block


def _server_pids(out: Path) -> list[int]:
    """The shards of the server that a bench writing to `out` has started, once they are ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for ready in out.glob("raw/*/ready.json"):
            return [shard["pid"] for shard in json.loads(ready.read_text("utf-8"))["shards"]]
        time.sleep(0.02)
    raise AssertionError("no server became ready within 60 s")


def _cell_of(row: str, summary: str) -> float:
    """The figure of the only backend in a row of the summary's tables."""
    line = next(line for line in summary.splitlines() if line.startswith(f"| {row}, 50 conn"))
    return float(re.sub(r"[~, ]", "", line.split("|")[2].split("(")[0]))


def test_report_shows_the_closed_form_of_open_loop(programs: Path, tmp_path: Path) -> None:
    profile, out = tmp_path / "stall.toml", tmp_path / "out"
    profile.write_text(PROFILE)
    command = ["./c1m", "bench", "--backends", "floor", "--profile", str(profile)]
    command += ["--build-dir", str(programs.parent), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as bench:
        try:
            with stalls(_server_pids(out)):
                assert bench.wait(timeout=120) == 0
        finally:
            bench.kill()
    (cell,) = json.loads((out / "run.json").read_text("utf-8"))["cells"]
    response = cell["latency_us"]["response"]
    assert 0.40e6 <= response["p95"] <= 0.60e6
    assert 0.80e6 <= response["p99"] <= 1.00e6
    assert response["max"] >= 0.95e6
    summary = (out / "summary.md").read_text("utf-8")
    assert 0.80e6 <= _cell_of("p99", summary) <= 1.00e6


def test_closed_loop_hides_the_stall(start_server: StartServer, run_load: RunLoad) -> None:
    block = _run_with_stalls(run_load, start_server("floor"))
    assert block["p99"] < 0.1e6
    assert block["max"] >= 0.9e6
