"""Each fault, really caused, fails the check that is for it, and not those that hold all the same.

The faults that a server can commit are those of test_faulty_server_is_found_out.py. Here are those
of the machine and of the generator; what needs root skips without it, and says so.
Not here: the checks by themselves, on documents (loadgen/validity_test.cpp).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import LoadRun, StartFaulty, StartServer, children_of
from crowded_server import crowded_server
from syn_flood import SynFlood

from c1m.kernel.namespace import fresh_network

# What holds whatever the machine does, as long as the server is honest and the generator lives.
ACCOUNTING = {
    "counts_add_up", "nothing_corrupt", "nothing_unsent", "nothing_lost",
    "nothing_in_flight_at_end", "established_at_start", "established_at_end", "no_shard_died",
}  # fmt: skip
# What a busy machine fails by itself.
OF_THE_MACHINE = {"send_lag_p99_us", "generator_cpu", "rate_achieved", "steal", "littles_law"}
OPEN_LOOP = ("-c", "10", "-R", "500", "--warmup", "0s", "--strict", "--format", "json")


@pytest.fixture
def load(programs: Path) -> Callable[..., LoadRun]:
    """Runs c1m-load, and calls `in_window` once the window has begun, with the process."""

    def run(
        target: str,
        *flags: str,
        in_window: Callable[[subprocess.Popen[str]], None] | None = None,
        prefix: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> LoadRun:
        command: list[str | Path] = [*prefix, programs / "c1m-load", "--target", target]
        command += [*OPEN_LOOP, "--progress", "always", *flags]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            assert process.stderr is not None
            seen = ""
            while in_window and " window " not in seen:
                line = process.stderr.readline()
                assert line, f"c1m-load ended before its window: {seen}"
                seen += line
            if in_window:
                in_window(process)
            stdout, stderr = process.communicate()
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
        document = json.loads(stdout) if stdout.strip() else None
        return LoadRun(process.returncode, stdout, seen + stderr, document)

    return run


Load = Callable[..., LoadRun]


def _check_of(run: LoadRun, name: str) -> dict[str, object]:
    checks = run.checked["validity"]["checks"]
    return next(check for check in checks if check["name"] == name)


def test_without_a_fault_all_of_it_holds(start_server: StartServer, load: Load) -> None:
    server = start_server("floor")
    run = load(server.target, "-d", "2s")
    assert run.failed_checks() <= OF_THE_MACHINE, run.stderr
    assert _check_of(run, "realtime_step")["ok"] is True


@contextlib.contextmanager
def _hogs(cpu: int, count: int) -> Iterator[None]:
    """So many processes that never rest, on one CPU, at the usual priority."""
    spin = f"import os; os.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_a_generator_that_gets_no_cpu_is_found_out(start_server: StartServer, load: Load) -> None:
    """Two busy processes have about seventy times its weight on the only CPU that it may use."""
    server = start_server("floor")
    cpu = max(os.sched_getaffinity(0))
    with _hogs(cpu, 2):
        run = load(
            server.target, "-d", "2s", "--cpus", str(cpu), "--timeout", "50s",
            prefix=("nice", "-n", "19"),
        )  # fmt: skip
    assert run.exit_code == 3, run.stderr
    assert "send_lag_p99_us" in run.failed_checks()
    assert not run.failed_checks() & ACCOUNTING, run.stderr
    send_lag = run.checked["latency_us"]["send_lag"]
    response = run.checked["latency_us"]["response"]
    assert response["p99"] > 1_000, "the lag is a part of the response time"
    assert response["max"] >= send_lag["max"] * 0.999


@contextlib.contextmanager
def _cpu_quota(percent: int) -> Iterator[Path]:
    """A control group (version 1 or 2) that gets so much of a CPU; skips where none can be made."""
    of_version_1 = Path("/sys/fs/cgroup/cpu")
    parent = of_version_1 if of_version_1.is_dir() else Path("/sys/fs/cgroup")
    group = parent / f"c1m-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        try:
            if parent == of_version_1:
                (group / "cpu.cfs_period_us").write_text("100000")
                (group / "cpu.cfs_quota_us").write_text(str(percent * 1_000))
            else:
                (group / "cpu.max").write_text(f"{percent * 1_000} 100000")
        except OSError as error:
            pytest.skip(f"no quota can be set: {error}")
        yield group
    finally:
        group.rmdir()


def test_a_quota_that_holds_the_generator_back_is_found_out(
    start_server: StartServer, load: Load
) -> None:
    server = start_server("floor")
    join = 'echo $$ > "$0"/cgroup.procs && exec "$@"'
    with _cpu_quota(2) as group:
        run = load(
            server.target, "-d", "2s", "--timeout", "50s", prefix=("sh", "-c", join, str(group))
        )
    assert run.exit_code == 3, run.stderr
    assert {"throttled", "send_lag_p99_us"} <= run.failed_checks()
    assert not run.failed_checks() & ACCOUNTING, run.stderr


def test_an_accept_queue_that_overflows_is_found_out(start_server: StartServer, load: Load) -> None:
    """In a network of the test's own with room for one connection, before a server that stands."""
    with crowded_server(start_server) as target:
        run = load(target, "-d", "1s", "--connect-rate", "0", "--timeout", "50s")
    assert run.exit_code == 3, run.stderr
    assert "listen_overflows" in run.failed_checks()
    assert not run.failed_checks() & ACCOUNTING, run.stderr
    assert run.checked["connect"]["latency_us"]["max"] > 900_000, "a SYN was sent again after 1 s"


def _has_sent_again() -> bool:
    """Whether a client has sent its SYN twice, in the network of the thread that calls."""
    lines = Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
    sockets = [line.split() for line in lines]
    return any(each[3] == "02" and int(each[6], 16) > 0 for each in sockets)  # TCP_SYN_SENT


@contextlib.contextmanager
def _flooded_server(start_server: StartServer, *, cookies: bool) -> Iterator[str]:
    """Its target, in a network of the test's own; its SYN queue is full: with cookies to the end,
    else until the load has sent a SYN again."""
    with fresh_network() as obstacle:
        if obstacle:
            pytest.skip(obstacle)
        Path("/proc/sys/net/ipv4/tcp_syncookies").write_text(str(int(cookies)))
        # Room for the load in the accept queue, and far less than the flood in that of SYNs.
        Path("/proc/sys/net/core/somaxconn").write_text("32")
        server = start_server("floor")
        flood = SynFlood(server.port, 200)
        over = threading.Event()

        def keep_full() -> None:
            while not over.is_set() and (cookies or not _has_sent_again()):
                flood.begin()  # what the kernel has given up meanwhile comes back
                over.wait(0.02)
            flood.end()

        flood.begin()
        keeper = threading.Thread(target=keep_full)
        keeper.start()
        try:
            yield server.target
        finally:
            over.set()
            keeper.join()
            server.stop()


def test_a_syn_queue_that_overflows_is_found_out(start_server: StartServer, load: Load) -> None:
    with _flooded_server(start_server, cookies=True) as target:
        run = load(target, "-d", "1s", "--timeout", "50s")
    assert run.exit_code == 3, run.stderr
    assert "syn_cookies" in run.failed_checks()
    assert "syn_queue_drops" not in run.failed_checks()
    assert run.checked["host"]["syn_cookies_sent"] > 10, "the flood's are the host's too"
    assert not run.failed_checks() & ACCOUNTING, run.stderr


def test_a_syn_queue_that_overflows_without_cookies_is_found_out(
    start_server: StartServer, load: Load
) -> None:
    with _flooded_server(start_server, cookies=False) as target:
        run = load(target, "-d", "1s", "--timeout", "50s")
    assert run.exit_code == 3, run.stderr
    assert "syn_queue_drops" in run.failed_checks()
    assert "syn_cookies" not in run.failed_checks()
    assert run.checked["host"]["syn_queue_drops"] > 10, "the flood's are the host's too"
    assert not run.failed_checks() & ACCOUNTING, run.stderr


def test_a_shard_that_is_killed_is_found_out(start_server: StartServer, load: Load) -> None:
    server = start_server("floor")

    def kill_one(process: subprocess.Popen[str]) -> None:
        os.kill(children_of(process.pid)[0], signal.SIGKILL)

    run = load(server.target, "-d", "20s", "--shards", "2", in_window=kill_one)
    assert run.exit_code == 1, "worse than not valid: the run failed"
    assert "no_shard_died" in run.failed_checks()
    assert "established_at_end" in run.failed_checks()
    assert not run.failed_checks() & {"counts_add_up", "nothing_corrupt", "nothing_lost"}


def test_a_clock_that_steps_is_found_out(
    start_server: StartServer, load: Load, tmp_path: Path
) -> None:
    compiler = shutil.which("cc")
    assert compiler is not None, "whoever builds c1m has one"
    library = tmp_path / "stepped_clock.so"
    source = Path(__file__).with_name("stepped_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    step_file = tmp_path / "step"
    server = start_server("floor")
    run = load(
        server.target, "-d", "3s", in_window=lambda _: step_file.touch(),
        environment={
            "LD_PRELOAD": str(library), "STEP_FILE": str(step_file), "STEP_NS": "250000000",
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        },
    )  # fmt: skip
    assert run.exit_code == 3, run.stderr
    check = _check_of(run, "realtime_step")
    assert check["ok"] is False
    assert check["value"] == pytest.approx(250_000, rel=0.05)
    assert not run.failed_checks() & ACCOUNTING, run.stderr
    # Latencies use the other clock: a step of 250 ms is in none of them.
    assert run.checked["latency_us"]["service"]["p50"] < 100_000


def test_a_byte_that_is_lost_is_found_out(start_faulty: StartFaulty, load: Load) -> None:
    """One byte of one answer in fifty: what follows it on its connection is shifted."""
    run = load(f"127.0.0.1:{start_faulty('shorten')}", "-d", "2s", "--timeout", "1s")
    assert run.exit_code == 3, run.stderr
    assert "nothing_corrupt" in run.failed_checks()
    assert run.checked["counts"]["corrupt"] > 0
    assert "counts_add_up" not in run.failed_checks()
    assert "established_at_end" not in run.failed_checks()
