"""What every end-to-end test stands on: the programs of one build tree, started and ended by id.

Invariants: a program that is missing fails the test (never skips it); every process that a test
starts is ended by the fixture that started it, by its own pid; every wait has a bound.
Not here: fakes of our own programs (scripts/tests has those) and figures of any kind.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("threads", "uv", "coro", "floor")
POLLERS = ("epoll", "io_uring")
# Whatever a connection could notice: the backends, and the choices of those that have one.
SERVERS = {
    **{backend: (backend,) for backend in BACKENDS},
    "coro-io_uring": ("coro", "--poller", "io_uring"),
    "coro-compact": ("coro", "--stacks", "compact"),
    "coro-compact-io_uring": ("coro", "--stacks", "compact", "--poller", "io_uring"),
}
IO_URING_SETUP = 425  # Linux's number on x86-64
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 15.0


@pytest.fixture(scope="session")
def programs() -> Path:
    """The directory with c1m-load and the servers: $C1M_BUILD_DIR/bin, by default build/dev/bin."""
    directory = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "bin"
    for name in ("c1m-load", *(f"c1m-{backend}" for backend in BACKENDS)):
        assert (directory / name).is_file(), f"{directory / name} is missing: run `make build`"
    return directory


@dataclass
class Server:
    """A running server with what its ready file said."""

    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    stats_file: Path

    @property
    def target(self) -> str:
        """HOST:PORT,.. of all shards, as `c1m-load --target` takes it."""
        return ",".join(shard["address"] for shard in self.ready["shards"])

    @property
    def port(self) -> int:
        """The port of the first shard."""
        return int(self.ready["shards"][0]["port"])

    @property
    def shard_pids(self) -> list[int]:
        """The processes that hold connections, in the order of the shards."""
        return [int(shard["pid"]) for shard in self.ready["shards"]]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks the supervisor to stop; returns its exit code (negative: killed by that signal)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def stats(self) -> list[dict[str, Any]]:
        """All lines of the stats file so far."""
        return [json.loads(line) for line in self.stats_file.read_text().splitlines()]


def children_of(pid: int) -> list[int]:
    """Processes that a process has started and that live, as the shards of c1m-load."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(word) for word in text.split()]


StartServer = Callable[..., Server]


def _await_ready(process: subprocess.Popen[bytes], path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if path.exists():
            document: dict[str, Any] = json.loads(path.read_text())
            return document
        if process.poll() is not None:
            stderr = process.stderr.read().decode() if process.stderr else ""
            pytest.fail(f"the server ended before it was ready: {process.returncode}: {stderr}")
        time.sleep(0.02)
    pytest.fail(f"the server was not ready after {READY_TIMEOUT_S} s")


def _io_uring_is_allowed() -> bool:
    parameters = ctypes.create_string_buffer(120)
    number = ctypes.CDLL(None).syscall(IO_URING_SETUP, 1, parameters)
    if number >= 0:
        os.close(number)
    return bool(number >= 0)


@pytest.fixture
def start_server(programs: Path, tmp_path: Path) -> Iterator[StartServer]:
    """Starts `c1m-BACKEND --listen 127.0.0.1:0 FLAGS..`, waits until ready, stops it at the end.

    Skips the test when it asks for io_uring where that is not allowed.
    """
    started: list[Server] = []

    def start(backend: str, *flags: str) -> Server:
        if "io_uring" in flags and not _io_uring_is_allowed():
            pytest.skip("io_uring is not allowed here")
        stem = f"{backend}-{len(started)}"
        ready_file = tmp_path / f"{stem}.ready.json"
        stats_file = tmp_path / f"{stem}.stats.jsonl"
        command: list[str | Path] = [programs / f"c1m-{backend}", "--listen", "127.0.0.1:0"]
        command += ["--ready-file", ready_file, "--stats-file", stats_file]
        command += ["--stats-interval", "100ms", *flags]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            ready = _await_ready(process, ready_file)
        except BaseException:
            process.kill()
            process.wait()
            raise
        server = Server(process, ready, stats_file)
        started.append(server)
        return server

    yield start
    for server in started:
        _end(server)


def _end(server: Server) -> None:
    # A test may have stopped a shard with SIGSTOP; it must run again to be able to end.
    for pid in server.shard_pids:
        if server.process.poll() is None:
            os.kill(pid, signal.SIGCONT)
    try:
        server.stop()
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
        pytest.fail("the server did not stop on SIGTERM")


@dataclass
class LoadRun:
    """What one c1m-load run left: exit code, both streams, and its document if it wrote one."""

    exit_code: int
    stdout: str
    stderr: str
    document: dict[str, Any] | None

    @property
    def checked(self) -> dict[str, Any]:
        """The document; fails the test when there is none."""
        assert self.document is not None, f"no document; stderr: {self.stderr}"
        return self.document

    def failed_checks(self) -> set[str]:
        """The names of the checks that the document says have failed."""
        checks = self.checked["validity"]["checks"]
        return {check["name"] for check in checks if check["ok"] is False}


RunLoad = Callable[..., LoadRun]


@pytest.fixture
def run_load(programs: Path) -> RunLoad:
    """Runs c1m-load to its end with --format json and returns what it left."""

    def run(target: str, *flags: str, timeout_s: float = 60.0) -> LoadRun:
        command: list[str | Path] = [programs / "c1m-load", "--target", target]
        command += ["--format", "json", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        document = json.loads(done.stdout) if done.stdout.strip() else None
        return LoadRun(done.returncode, done.stdout, done.stderr, document)

    return run


StartFaulty = Callable[..., int]


@pytest.fixture
def start_faulty(tmp_path: Path) -> Iterator[StartFaulty]:
    """Starts tests/faulty_server.py, or another script, with one fault and returns its port."""
    started: list[subprocess.Popen[bytes]] = []

    def start(fault: str, name: str = "faulty_server.py") -> int:
        port_file = tmp_path / f"{fault}.port"
        script = Path(__file__).with_name(name)
        started.append(subprocess.Popen([sys.executable, script, fault, port_file]))
        deadline = time.monotonic() + 20
        while not port_file.exists():
            assert time.monotonic() < deadline, "the faulty server did not start"
            assert started[-1].poll() is None, "the faulty server ended"
            time.sleep(0.02)
        return int(port_file.read_text())

    yield start
    for process in started:
        process.kill()
        process.wait()
