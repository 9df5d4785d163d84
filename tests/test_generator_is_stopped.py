"""Killing and stopping in mid-run: the run ends soon, keeps what it has, and says partial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from conftest import RunLoad, StartServer, children_of

SOON_S = 12.0
LONG_RUN = ("-c", "20", "-R", "500", "-d", "60s", "--warmup", "0s")


def load_command(programs: Path, target: str, *flags: str) -> list[str | Path]:
    """A run that would take a minute if nobody ended it."""
    return [programs / "c1m-load", "--target", target, *LONG_RUN, *flags]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_what_was_measured(
    number: signal.Signals, code: int, programs: Path, start_server: StartServer
) -> None:
    server = start_server("floor")
    command = load_command(programs, server.target, "--format", "json")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2.0)
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=SOON_S)
    assert process.returncode == code
    document = json.loads(stdout)
    assert document["partial"] is True
    assert document["stopped_by"] == number.name
    counts = document["counts"]
    assert counts["answered"] > 0
    assert counts["planned"] == counts["sent"] + counts["unsent"]
    assert counts["sent"] == counts["answered"] + counts["lost"] + counts["in_flight_at_end"]
    assert counts["planned"] < 500 * 30, "the plan is counted up to the stop, not to the end"


@pytest.mark.parametrize("victim", ["shard", "supervisor"])
def test_a_killed_server_ends_the_run(
    victim: str, run_load: RunLoad, start_server: StartServer
) -> None:
    server = start_server("floor")
    pid = server.shard_pids[0] if victim == "shard" else server.process.pid
    timer = threading.Timer(2.0, os.kill, (pid, signal.SIGKILL))
    timer.start()
    run = run_load(server.target, *LONG_RUN, timeout_s=2.0 + SOON_S)
    timer.join()
    assert run.exit_code == 1
    assert run.checked["partial"] is True
    assert run.checked["valid"] is False
    assert run.checked["counts"]["answered"] > 0
    assert run.checked["connections"]["at_end"] == 0


def test_one_dead_server_shard_of_two_is_not_valid(
    run_load: RunLoad, start_server: StartServer
) -> None:
    """The other shard goes with its supervisor; no request may vanish from the counts."""
    server = start_server("floor", "--shards", "2")
    timer = threading.Timer(2.0, os.kill, (server.shard_pids[1], signal.SIGKILL))
    timer.start()
    run = run_load(server.target, *LONG_RUN, "--strict", timeout_s=2.0 + SOON_S)
    timer.join()
    assert run.exit_code == 1
    counts = run.checked["counts"]
    assert counts["sent"] == counts["answered"] + counts["lost"] + counts["in_flight_at_end"]
    assert "established_at_end" in run.failed_checks()


def test_a_killed_generator_shard_is_named(programs: Path, start_server: StartServer) -> None:
    server = start_server("floor")
    command = load_command(programs, server.target, "--format", "json")
    process = subprocess.Popen(
        [*command, "--shards", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.0)
    children = children_of(process.pid)
    assert len(children) == 2
    os.kill(children[1], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=SOON_S)
    assert process.returncode == 1
    assert "shard" in stderr
    assert "SIGKILL" in stderr
    document = json.loads(stdout)
    assert document["partial"] is True
    assert document["stopped_by"] == "shard died"
    assert document["counts"]["answered"] > 0, "the surviving shard's figures are kept"


def test_a_second_signal_ends_at_once(programs: Path, start_server: StartServer) -> None:
    server = start_server("floor")
    command = load_command(programs, server.target, "--timeout", "60s")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    for pid in server.shard_pids:  # what is in flight stays in flight: the drain has to wait
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SOON_S) == 143
