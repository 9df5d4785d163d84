"""A soak: minutes of open-loop load, beside unkind clients and with connections that come and go,
after which the generator is no larger and nothing is lost.

Not collected by a normal run (its name is not test_*); `make soak` and the nightly profile run it.
C1M_SOAK_S sets its length, 300 s by default.

What a run may keep is a sealed histogram a second (a few KB); everything else is there after the
first part. The bound is on bytes, not on time.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import StartServer, children_of

from c1m.documents import check

SOAK_S = int(os.environ.get("C1M_SOAK_S", "300"))
RATE_RPS = 2000
SAMPLE_EVERY_S = 1.0
# A sealed second of the timeline: its encoded histogram, and its place in the row.
SECOND_BYTES_MAX = 8 * 1024
# Rounding of the allocator, and pages that a rare latency touches for the first time.
SLACK_BYTES = 2 * 1024 * 1024


def _private_bytes(pids: list[int]) -> int:
    """Memory that only these processes have; files and what they share does not count."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


@pytest.mark.timeout(SOAK_S + 120)
def test_memory_is_flat_and_nothing_is_lost(programs: Path, start_server: StartServer) -> None:
    """Runs the load, watching the memory of its processes, and reads its document."""
    command: list[str | Path] = [programs / "c1m-load", "--target", start_server("floor").target]
    command += ["-c", "200", "-R", str(RATE_RPS), "-d", f"{SOAK_S}s", "--warmup", "1s"]
    command += ["--lifetime", "exp:20s", "--reset", "20%", "--half-open", "20", "--slow", "20"]
    command += ["--shards", "2", "--format", "json", "--progress", "never"]
    samples: list[tuple[float, int]] = []
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            while time.monotonic() < began + SOAK_S:
                time.sleep(SAMPLE_EVERY_S)
                assert process.poll() is None, "it ended early"
                shards = children_of(process.pid)
                assert len(shards) == 2
                samples.append((time.monotonic() - began, _private_bytes([process.pid, *shards])))
            stdout, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    document = json.loads(stdout)
    check("load", document)
    counts = document["counts"]
    # A Poisson count: six deviations.
    expected = RATE_RPS * SOAK_S
    assert abs(counts["planned"] - expected) < 6 * expected**0.5
    assert counts["answered"] == counts["planned"]
    assert document["connections"]["at_end"] == 200
    assert len(document["timeline"]) == SOAK_S
    churn = document["churn"]
    assert churn["resets"] > 0
    assert churn["closed"] + churn["resets"] == churn["reopened"]
    # One that falls due while its connection is still away is skipped.
    assert churn["reopened"] + churn["ends_skipped"] == churn["ends_planned"]
    assert document["unkind"]["half_open"]["standing_at_end"] == 20
    assert document["unkind"]["slow"]["standing_at_end"] == 20

    settled = [each for each in samples if each[0] >= SOAK_S / 5]
    (first_s, first_bytes), (last_s, last_bytes) = settled[0], settled[-1]
    allowed = 2 * SECOND_BYTES_MAX * (last_s - first_s) + SLACK_BYTES
    print(f"soak: {first_bytes} bytes after {first_s:.0f} s, {last_bytes} after {last_s:.0f} s")
    assert last_bytes - first_bytes <= allowed, samples
