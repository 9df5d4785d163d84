"""Each meter of pauses against a fault that stops what it watches, with the real programs.

A fault lasts FAULT_S. Every pause of at least half of that, in the whole window, must be put down
to the fault's own cause: so a fault that is missed fails, and so does one that is put down to
another cause, and a run without a fault must have none. Stalls of the machine itself are much
shorter than that unless it is badly overloaded.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import BACKENDS, Server, StartServer, children_of

from c1m.documents import read
from c1m.pauses.attribution import Pause, attribute
from c1m.pauses.meters import meters_of

FAULT_S = 0.6
WINDOW_S = 3.0
THRESHOLD = "20ms"
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000  # __WALL
TIMEOUT_S = 60.0

Fault = Callable[[Server, subprocess.Popen[bytes]], None]
# Runs one fault and returns the pauses that are long enough to be its.
RunFault = Callable[..., list[Pause]]


@pytest.fixture
def run_fault(start_server: StartServer, programs: Path, tmp_path: Path) -> RunFault:
    """Serves, loads with 1,000 requests a second, and lets a fault happen in the window."""

    def run(backend: str, fault: Fault | None, *flags: str, cpus: str = "") -> list[Pause]:
        server_file, load_file = tmp_path / "server-pauses.json", tmp_path / "load-pauses.json"
        server = start_server(
            backend, "--pauses", str(server_file), "--pause-threshold", THRESHOLD, *flags
        )
        out = tmp_path / "load.json"
        command: list[str | Path] = [programs / "c1m-load", "--target", server.target]
        command += ["-c", "40", "-R", "1000", "-d", f"{WINDOW_S}s", "--warmup", "500ms"]
        command += ["--out", out, "--pauses", load_file, "--pause-threshold", THRESHOLD]
        command += ["--cpus", cpus] if cpus else []
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as load:
            try:
                _await_traffic(server)
                time.sleep(1.0)  # beyond the warm-up
                if fault is not None:
                    fault(server, load)
                assert load.wait(TIMEOUT_S) == 0
            finally:
                load.kill()
        assert server.stop() == 128 + signal.SIGTERM
        window = json.loads(out.read_text("utf-8"))["window"]
        meters = [
            meter for path in (server_file, load_file) for meter in meters_of(read("pauses", path))
        ]
        pauses = attribute(meters, window["start_monotonic_ns"], window["end_monotonic_ns"])
        return [each for each in pauses if each.event.length_ns >= FAULT_S / 2 * 1e9]

    return run


def _await_traffic(server: Server) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not any((line["total"]["bytes_received"] or 0) > 0 for line in server.stats()):
        assert time.monotonic() < deadline, "no request reached the server"
        time.sleep(0.02)


def causes(pauses: list[Pause]) -> set[str]:
    return {pause.cause for pause in pauses}


def stop(*pids: int) -> None:
    """Stops processes for as long as a fault lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(FAULT_S)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_fault_there_is_no_such_pause(run_fault: RunFault, backend: str) -> None:
    assert run_fault(backend, None, "--shards", "2") == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_shards_stopped_are_all_workers(run_fault: RunFault, backend: str) -> None:
    pauses = run_fault(backend, lambda server, _: stop(*server.shard_pids), "--shards", "2")
    assert causes(pauses) == {"all_workers"}
    assert {pause.seen_as for pause in pauses} == {"service"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_shard_stopped_is_that_worker(run_fault: RunFault, backend: str) -> None:
    pauses = run_fault(backend, lambda server, _: stop(server.shard_pids[1]), "--shards", "2")
    assert causes(pauses) == {"worker"}
    assert {(pause.seen_as, pause.workers) for pause in pauses} == {("target", ((1, 0),))}


@pytest.mark.parametrize("backend", ["uv", "coro", "floor"])
def test_one_thread_stopped_is_that_worker(run_fault: RunFault, backend: str) -> None:
    pauses = run_fault(backend, lambda server, _: stop_thread(server), "--processors", "2")
    assert causes(pauses) == {"worker"}
    assert {len(pause.workers) for pause in pauses} == {1}, "the other worker went on"


def stop_thread(server: Server) -> None:
    """Stops one worker's thread, by ptrace, because SIGSTOP stops the whole process."""
    (pid,) = server.shard_pids
    # The threads that serve have used CPU time; a runtime has one more, which watches over it.
    tids = sorted(
        (int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()),
        key=lambda tid: -cpu_ns(pid, tid),
    )
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tid = tids[0]
    if libc.ptrace(PTRACE_SEIZE, tid, None, None) != 0:
        pytest.skip(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(PTRACE_INTERRUPT, tid, None, None) == 0
    os.waitpid(tid, WAIT_ALL)
    time.sleep(FAULT_S)
    assert libc.ptrace(PTRACE_DETACH, tid, None, None) == 0


def cpu_ns(pid: int, tid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{tid}/schedstat").read_text("ascii").split()[0])


HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    pass
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hog_on_the_servers_cpu_is_the_platform(run_fault: RunFault, backend: str) -> None:
    server_cpu, generator_cpu = two_cpus()

    def hog(_: Server, __: subprocess.Popen[bytes]) -> None:
        words = [sys.executable, "-c", HOG, str(server_cpu), str(FAULT_S)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "PermissionError" in done.stderr:
            pytest.skip("real-time priorities are not allowed here")
        assert done.returncode == 0, done.stderr

    flags = ("--cpus", str(server_cpu), "--shards", "2")
    pauses = run_fault(backend, hog, *flags, cpus=str(generator_cpu))
    assert causes(pauses) == {"platform"}


def two_cpus() -> tuple[int, int]:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("server and generator need a CPU each")
    return cpus[0], cpus[1]


def test_a_stopped_generator_is_the_generator(run_fault: RunFault) -> None:
    pauses = run_fault("floor", lambda _, load: stop(*children_of(load.pid)), "--shards", "2")
    assert causes(pauses) == {"generator"}


def test_a_slow_memory_call_is_the_runtime(
    run_fault: RunFault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, trigger = tmp_path / "slow_madvise.so", tmp_path / "trigger"
    source = Path(__file__).with_name("slow_madvise.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("C1M_SLOW_MADVISE", str(trigger))
    monkeypatch.setenv("C1M_SLOW_MADVISE_MS", str(round(FAULT_S * 1000)))

    def grow(server: Server, _: subprocess.Popen[bytes]) -> None:
        # A new connection's stack gets its guard page by madvise, or one in sixteen for all of them
        # by process_madvise.
        trigger.touch()
        with contextlib.ExitStack() as connections:
            for _each in range(17):
                connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            time.sleep(FAULT_S)
        assert not trigger.exists(), "no memory call came"

    pauses = run_fault("coro", grow)
    assert causes(pauses) == {"runtime"}
    assert all("memory call" in pause.detail for pause in pauses)


def test_every_meter_says_where_it_stands_or_why_not(
    start_server: StartServer, programs: Path, tmp_path: Path
) -> None:
    found: dict[str, Any] = {}
    for backend in BACKENDS:
        path = tmp_path / f"{backend}.json"
        server = start_server(backend, "--pauses", str(path), "--shards", "2")
        load: list[str | Path] = [programs / "c1m-load", "--target", server.target]
        load += ["-c", "10", "-R", "500", "-d", "500ms"]
        subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
        assert server.stop() == 128 + signal.SIGTERM
        found[backend] = read("pauses", path)
    for backend, document in found.items():
        loops = [meter for meter in document["meters"] if meter["kind"] == "loop"]
        assert [(meter["shard"], meter["worker"]) for meter in loops] == [(0, 0), (1, 0)]
        for meter in loops:
            assert meter["histograms"]["delay_us"]["count"] > 0
            has_turns = backend in ("uv", "floor")
            assert (meter["histograms"]["turn_us"] is not None) == has_turns
            assert ("turn_us" in meter["unavailable"]) != has_turns
            has_coroutines = backend == "coro"
            assert (meter["histograms"]["run_us"] is not None) == has_coroutines
            if has_coroutines:
                assert meter["histograms"]["run_us"]["count"] > 0


def test_silences_are_known_below_the_threshold(
    start_server: StartServer, programs: Path, tmp_path: Path
) -> None:
    """The loops look every half second; the time without an answer, at equal intervals of 20 ms, is
    known nevertheless.
    """
    server, path = start_server("floor"), tmp_path / "load-pauses.json"
    load: list[str | Path] = [programs / "c1m-load", "--target", server.target]
    load += ["-c", "1", "-R", "50", "--arrival", "uniform", "-d", "1s"]
    load += ["--pauses", path, "--pause-threshold", "500ms"]
    subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
    meters = read("pauses", path)["meters"]
    (service,) = [each for each in meters if each["kind"] == "silence" and each["target"] is None]
    # Each of some fifty intervals was a silence of a millisecond or more.
    assert service["histograms"]["silence_us"]["count"] > 25
