"""`c1m compare-runtimes`: the runtime's primitives beside those of others, in one interleaved run
on the same CPUs.

Invariants: all sides do the operations of the same name (runtime/primitives_bench.cpp with its
neighbours, and runtime/peers); every measurement is a fresh process; a ratio is taken within one
repetition, in which the sides run one after another.
Not here: judging, the table says ratios and their spread; how a peer's program is made
(runtime_peers.py).
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from c1m.documents import Document
from c1m.estimates import Estimate, median
from c1m.failure import CommandError, LimitError, UsageError
from c1m.layout import display_path
from c1m.runtime_peers import PEERS, ChosenPeers

BENCHMARK = "runtime_bench"
# A measurement that takes longer is stuck; a million parked goroutines take some seconds.
TIMEOUT_S = 120.0
C1M = "c1m"


@dataclass(frozen=True)
class Figure:
    """One figure of an operation, less being better: how all programs name it, and its unit.

    Of one that is wanted near 0 no ratio is taken.
    """

    operation: str
    name: str
    unit: str
    title: str
    near_zero: bool = False


def _pool_figures(operation: str, workers: str) -> tuple[Figure, ...]:
    return (
        Figure(operation, "task_ns", "ns", f"pool, {workers}: a task of a million"),
        Figure(operation, "rss_bytes", "bytes", "resident set after the last result"),
        Figure(operation, "grown_bytes", "bytes", "what all of them have added to it"),
        Figure(
            operation, "grown_later_bytes", "bytes", "the last nine tenths of them", near_zero=True
        ),
    )


FIGURES = (
    Figure("spawn_and_join", "ns", "ns", "spawn and join, one after another"),
    Figure("spawn_many_and_join", "ns", "ns", "spawn 10,000, then join all, each"),
    Figure("yield_among_two_a_processor", "ns", "ns", "yield among 2 a processor"),
    Figure("channel_ping_pong", "ns", "ns", "unbuffered channels: there and back"),
    Figure("channel_ping_pong_with_limits", "ns", "ns", "the same with a time limit on each wait"),
    Figure("channel_buffered", "ns", "ns", "channel with room for 128"),
    Figure("channel_many_to_many", "ns", "ns", "a channel of 4 senders and 4 receivers"),
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
    Figure("alarm_set_and_stop", "ns", "ns", "timer: make, set, stop"),
    Figure("alarm_reset_and_stop", "ns", "ns", "timer: set again, stop"),
    *_pool_figures("pool_of_a_million_by_2", "2 workers a processor"),
    *_pool_figures("pool_of_a_million_by_4", "4 workers a processor"),
    Figure("skynet_of_a_million", "ns", "ns", "skynet, a million leaves"),
    Figure("park_a_million_dedicated", "bytes_each", "bytes", "a waiting coroutine, of a million"),
    Figure("park_a_million_dedicated", "creation_ns", "ns", "making one that waits"),
    Figure("park_a_million_compact", "bytes_each", "bytes", "the same on a compact stack"),
    Figure("park_a_million_compact", "creation_ns", "ns", "making one on a compact stack"),
)
OPERATIONS = tuple(dict.fromkeys(figure.operation for figure in FIGURES))


@dataclass(frozen=True)
class PeerFigure:
    """What a peer has of a figure: its median and the median of its ratios to c1m's figure, with
    their intervals. Where one of them is None, `reason` says why; `differs` says in what the peer's
    work is another.
    """

    value: Estimate | None
    ratio: Estimate | None
    reason: str | None
    differs: str | None


@dataclass(frozen=True)
class Comparison:
    """A figure with a number of processors: c1m's median, and by name what the peers have."""

    figure: Figure
    processors: int
    c1m: Estimate
    peers: dict[str, PeerFigure]


Measure = Callable[[str, int], dict[str, float]]
# By side, the figures of one repetition.
Repetition = dict[str, dict[str, float]]


def compare(
    measure_c1m: Measure,
    measure_peers: Mapping[str, Measure],
    operations: list[str],
    processors: list[int],
    repetitions: int,
    say: Callable[[str], None],
) -> list[Comparison]:
    """Runs everything, interleaved. Each repetition begins with the next side."""
    sides = [(C1M, measure_c1m), *measure_peers.items()]
    measured: dict[tuple[str, int], list[Repetition]] = {}
    for repetition in range(repetitions):
        first = repetition % len(sides)
        for count in processors:
            for operation in operations:
                say(
                    f"repetition {repetition + 1} of {repetitions}: {operation}, {count} processors"
                )
                found = {
                    name: measure(operation, count)
                    for name, measure in [*sides[first:], *sides[:first]]
                    if name == C1M or operation not in PEERS[name].absent
                }
                measured.setdefault((operation, count), []).append(found)
    return [
        _comparison(figure, count, measured[figure.operation, count], list(measure_peers))
        for count in processors
        for figure in FIGURES
        if figure.operation in operations
    ]


def _comparison(
    figure: Figure, processors: int, repetitions: list[Repetition], peers: list[str]
) -> Comparison:
    ours = [each[C1M][figure.name] for each in repetitions]
    c1m = median(ours)
    assert c1m is not None
    return Comparison(
        figure, processors, c1m, {name: _peer_figure(figure, name, repetitions) for name in peers}
    )


def _peer_figure(figure: Figure, peer: str, repetitions: list[Repetition]) -> PeerFigure:
    differs = PEERS[peer].differs.get(figure.operation)
    absent = PEERS[peer].absent.get(figure.operation)
    if absent is not None:
        return PeerFigure(None, None, absent, differs)
    pairs = [(each[C1M][figure.name], each[peer][figure.name]) for each in repetitions]
    value = median([theirs for _, theirs in pairs])
    if figure.near_zero:
        return PeerFigure(value, None, "wanted near 0, where a ratio says nothing", differs)
    if min(min(pair) for pair in pairs) <= 0:
        return PeerFigure(value, None, "0 in one of the repetitions", differs)
    return PeerFigure(value, median([theirs / ours for ours, theirs in pairs]), None, differs)


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


def peer_measure(peer: str, program: Path, cpus: list[int]) -> Measure:
    """Runs one operation of a peer's program."""

    def measure(operation: str, processors: int) -> dict[str, float]:
        command = PEERS[peer].command(program, operation, processors)
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


def to_document(
    comparisons: list[Comparison], peers: ChosenPeers, repetitions: int, cpus: list[int]
) -> Document:
    """The result as JSON."""
    return {
        "schema_version": 1,
        "kind": "c1m-runtime-comparison",
        "repetitions": repetitions,
        "cpus": cpus,
        "left_out": peers.left_out,
        "comparisons": [asdict(each) for each in comparisons],
    }
