"""CPU a request of c1m-load beside wrk: same bytes, same far end, same core, interleaved.

usage: .venv/bin/python scripts/compare_generators.py [--build build/release] [--repetitions 7]
       [--rate 20000] [--bytes 128] [--connections 100] [--wrk2 PROGRAM]

wrk speaks HTTP only, and c1m-load verifies an echo. Both send requests of as many bytes and get
answers of as many from one program (loadgen/paced_responder.cpp), which does one read and one write
for each: an HTTP response of that length for wrk, the request itself for c1m-load. First it answers
as fast as it can, then no more than --rate a second, so that both have the same rate; there
c1m-load also runs its open loop at that rate, before a far end without a limit: by default, with
--spin and with --send-slack. With --wrk2 that is compared with the open loop of wrk2 too, which no
distribution packages: name the program that you have built. The far end never sleeps, so that no
generator pays for waking it.
CPU time is that of the whole generator from its start to its end, as the kernel accounts it
(wait4(2), children included), by all requests that it counts as answered. Each repetition runs wrk
(wrk2) twice: the second is the control, whose ratio shows what noise does. How often the generator
went to sleep for a request (voluntary context switches, of the same account) stands beside the
cost.
Not here: latency (latency_error.py).
"""

import argparse
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from c1m.estimates import Estimate, median

WARMUP_S = 0.2
# Checks that a run of c1m-load may fail and still be compared. Any other says that it did not do
# the work that it is charged for, or did it under conditions that wrk's runs do not have.
MAY_FAIL = {
    "generator_cpu": "it has one core, and what it takes of it is the figure",
    "send_lag_p99_us": "a late request is sent and answered all the same; its lag is shown",
    "steal": "the host takes from all of them alike, and the control shows how much that is",
}


# c1m-load's open loop by default, more exact and less so; the timers of wrk2's loop are in whole
# milliseconds.
OPEN_LOOPS: dict[str, tuple[str, ...]] = {
    "c1m-load open loop": (),
    "- spin 30us": ("--spin", "30us"),
    "- slack 200us": ("--send-slack", "200us"),
    "- slack 1ms": ("--send-slack", "1ms", "--max-send-lag-p99", "5ms"),
}


@dataclass(frozen=True)
class Cell:
    """How fast the far end answers; without a rate as fast as it can. Or open loops alone."""

    rate: float | None
    is_open: bool = False

    @property
    def title(self) -> str:
        """For the table."""
        if self.rate is None:
            return "as fast as it goes"
        if self.is_open:
            return f"open loops, {self.rate:.0f} requests/s"
        return f"at most {self.rate:.0f} requests/s"

    @property
    def generators(self) -> tuple[str, ...]:
        """Those that take part, what the others are held against first."""
        if self.is_open:
            return ("wrk2", "wrk2 again", *OPEN_LOOPS)
        closed = ("wrk", "wrk again", "c1m-load")
        return closed if self.rate is None else (*closed, *OPEN_LOOPS)


@dataclass(frozen=True)
class Figure:
    """What one run of one generator took and did."""

    cpu_s: float
    requests: int
    wall_s: float
    sleeps: int
    lag_us: tuple[float, float] | None = None  # of an open loop's requests: p50 and p99

    @property
    def cpu_us_a_request(self) -> float:
        """The figure that is compared."""
        return self.cpu_s / self.requests * 1e6

    @property
    def sleeps_a_request(self) -> float:
        """How often it gave its CPU away."""
        return self.sleeps / self.requests


Measure = Callable[[str, Cell], Figure]


def main() -> int:
    """Measures every cell and prints a table of each."""
    options = parse_options()
    require_programs(options.build)
    cells = [Cell(None), Cell(options.rate)]
    if options.wrk2 is not None:
        cells.append(Cell(options.rate, is_open=True))
    for cell in cells:
        figures = compare(
            cell, options.repetitions, options.seed, lambda name, cell: run_one(name, cell, options)
        )
        heading = f"{options.connections} connections, {options.bytes} bytes each way"
        print(f"\n{cell.title}; {heading}, {options.repetitions} repetitions")
        print(format_table(figures))
    return 0


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--duration", type=int, default=3, help="seconds of each run")
    parser.add_argument("--rate", type=float, default=20_000.0, help="of the second table")
    parser.add_argument("--bytes", type=int, default=128, help="of a request and of its answer")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--responder-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wrk2", type=_absolute, help="the program, for a third table")
    options = parser.parse_args()
    if options.wrk2 is not None and not shutil.which(options.wrk2):
        parser.error(f"--wrk2: {options.wrk2} is not a program")
    if options.repetitions < 1 or options.duration < 1:
        parser.error("--repetitions and --duration: at least 1")
    if not 96 <= options.bytes <= 60_000:
        parser.error("--bytes: from 96, which a request of wrk's takes, to 60000")
    return options


def _absolute(text: str) -> Path:
    """A program here is run from here, wherever PATH leads."""
    return Path(text).absolute()


def require_programs(build: Path) -> None:
    """Ends with what to do when one of the programs is not there."""
    require_built(build)
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk (or make bootstrap)")


def require_built(build: Path) -> None:
    """The same for our own programs alone."""
    for name in ("c1m-load", "paced_responder"):
        if not (build / "bin" / name).is_file():
            raise SystemExit(
                f"{build / 'bin' / name} is missing: cmake --preset release && "
                "cmake --build --preset release --target c1m-load paced_responder"
            )


def compare(cell: Cell, repetitions: int, seed: int, measure: Measure) -> dict[str, list[Figure]]:
    """All generators of the cell, repetition by repetition, in an order drawn from the seed."""
    order = random.Random(seed)
    figures: dict[str, list[Figure]] = {name: [] for name in cell.generators}
    for repetition in range(repetitions):
        names = list(figures)
        order.shuffle(names)
        for name in names:
            figures[name].append(measure(name, cell))
        print(f"  {cell.title}: repetition {repetition + 1} done", file=sys.stderr)
    return figures


def run_one(name: str, cell: Cell, options: argparse.Namespace) -> Figure:
    """One run of a fresh generator before a fresh far end."""
    is_wrk = name.startswith("wrk")
    is_open = name in OPEN_LOOPS or cell.is_open
    rate = None if is_open else cell.rate
    with responder(options, "http" if is_wrk else "echo", rate, ["--busy"]) as port:
        if is_wrk:
            return run_wrk(port, options, cell.rate if is_open else None)
        flags = ("-R", str(cell.rate), *OPEN_LOOPS[name]) if is_open else ()
        return run_load(port, options, flags)


@contextmanager
def responder(
    options: argparse.Namespace, answer: str, rate: float | None, flags: Sequence[str] = ()
) -> Iterator[int]:
    """The far end on a CPU of its own; yields its port."""
    command = [str(options.build / "bin" / "paced_responder"), "--answer", answer, *flags]
    command += ["--bytes", str(options.bytes)]
    if rate is not None:
        command += ["--rate", str(rate)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=on_cpu(options.responder_cpu)
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip().isdigit():
            raise SystemExit(f"{command} does not listen; its message stands above")
        yield int(line)
    finally:
        process.kill()
        process.wait()


def on_cpu(cpu: int) -> Callable[[], None]:
    """For a child, before its program begins."""

    def bind() -> None:
        os.sched_setaffinity(0, {cpu})

    return bind


def run_wrk(port: int, options: argparse.Namespace, rate: float | None) -> Figure:
    """wrk with one thread; wrk2 at a rate."""
    command = wrk_command(port, options)
    if rate is not None:
        command = [str(options.wrk2), "-R", f"{rate:.0f}", *command[1:]]
    account, text = run_and_account(command, options.generator_cpu)
    return figure_of(account, *read_wrk(text))


def figure_of(account: resource.struct_rusage, requests: int, wall_s: float) -> Figure:
    """The figures of a run by the kernel's account and the generator's counts."""
    return Figure(account.ru_utime + account.ru_stime, requests, wall_s, account.ru_nvcsw)


def wrk_command(port: int, options: argparse.Namespace) -> list[str]:
    """How wrk is run."""
    command = ["wrk", "-t", "1", "-c", str(options.connections), "-d", f"{options.duration}s"]
    return [*command, "-H", padding_header(port, options.bytes), f"http://127.0.0.1:{port}/"]


def padding_header(port: int, size: int) -> str:
    """The header that makes wrk's request so many bytes long."""
    bare = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX: \r\n\r\n"
    return "X: " + "x" * (size - len(bare))


def read_wrk(text: str) -> tuple[int, float]:
    """How many requests were answered in how many seconds, by wrk's own report."""
    found = re.search(r"^\s*(\d+) requests in ([\d.]+)(s|m)\b", text, re.MULTILINE)
    if found is None or int(found[1]) == 0:
        raise SystemExit(f"wrk has no answers:\n{text}")
    if "Socket errors" in text or "Non-2xx" in text:
        raise SystemExit(f"wrk met errors:\n{text}")
    return int(found[1]), float(found[2]) * (60 if found[3] == "m" else 1)


def run_load(port: int, options: argparse.Namespace, flags: Sequence[str]) -> Figure:
    """c1m-load with one shard; in a closed loop, or as the flags say."""
    window_s = options.duration - WARMUP_S
    command = [str(options.build / "bin" / "c1m-load"), "--target", f"127.0.0.1:{port}"]
    command += ["-c", str(options.connections), "-s", str(options.bytes), "--shards", "1"]
    command += ["--warmup", f"{WARMUP_S * 1e3:.0f}ms", "-d", f"{window_s * 1e3:.0f}ms"]
    command += ["--progress", "never", "--format", "json", *flags]
    account, text = run_and_account(command, options.generator_cpu)
    document = json.loads(text)
    figure = figure_of(account, *read_load(document))
    return replace(figure, lag_us=read_lag(document))


def failed_checks(document: dict[str, Any], may_fail: Container[str]) -> list[str]:
    """A sentence for each failed check of a run of c1m-load that may not fail."""
    return [
        f"{check['name']}: {check['explanation']}"
        for check in document["validity"]["checks"]
        if check["ok"] is False and check["name"] not in may_fail
    ]


def read_load(document: dict[str, Any]) -> tuple[int, float]:
    """How many requests were answered in how many seconds, warm-up included, by its document."""
    wrong = failed_checks(document, MAY_FAIL)
    if document["partial"]:
        wrong.append("it was stopped before its end")
    requests = document["counts"]["answered"] + document["warmup_counts"]["answered"]
    if requests == 0:
        wrong.append("nothing was answered")
    if wrong:
        raise SystemExit("c1m-load's run is not valid: " + "; ".join(wrong))
    return requests, document["window"]["duration_s"] + WARMUP_S


def read_lag(document: dict[str, Any]) -> tuple[float, float] | None:
    """The p50 and the p99 of the send lag; a closed loop has none."""
    lag = document["latency_us"]["send_lag"]
    return None if lag is None else (lag["p50"], lag["p99"])


def run_and_account(command: Sequence[str], cpu: int) -> tuple[resource.struct_rusage, str]:
    """The kernel's account of a program and its children on that CPU, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=on_cpu(cpu))
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return usage, text


def format_table(figures: dict[str, list[Figure]]) -> str:
    """Medians over the repetitions; ratios to the first generator are taken within each."""
    first, *_ = figures
    heads = f"{'requests/s':>12}{'sleeps a request':>18}{'CPU us a request':>26}"
    lines = [f"{'':20}{heads}{f'ratio to {first}':>24}{'send lag p50, p99 us':>22}"]
    base = [figure.cpu_us_a_request for figure in figures[first]]
    for name, measured in figures.items():
        rates = [figure.requests / figure.wall_s for figure in measured]
        costs = [figure.cpu_us_a_request for figure in measured]
        ratios = [cost / of_base for cost, of_base in zip(costs, base, strict=True)]
        sleeps = [figure.sleeps_a_request for figure in measured]
        line = f"{name:20}{known(median(rates)).value:12.0f}{known(median(sleeps)).value:18.2f}"
        line += f"{with_interval(costs, 2):>26}"
        line += f"{'' if name == first else with_interval(ratios, 3):>24}"
        lines.append((line + f"{format_lag(measured):>22}").rstrip())
    return "\n".join(lines)


def format_lag(measured: Sequence[Figure]) -> str:
    """Medians of either percentile; empty where there is no plan to lag behind."""
    lags = [figure.lag_us for figure in measured if figure.lag_us is not None]
    return ", ".join(f"{known(median(each)).value:.0f}" for each in zip(*lags, strict=True))


def with_interval(values: Sequence[float], digits: int) -> str:
    """The median, and the interval of order statistics around it."""
    estimate = known(median(values))
    low, high = f"{estimate.low:.{digits}f}", f"{estimate.high:.{digits}f}"
    return f"{estimate.value:.{digits}f} ({low} to {high})"


def known(estimate: Estimate | None) -> Estimate:
    """There is a repetition at least."""
    assert estimate is not None
    return estimate


if __name__ == "__main__":
    sys.exit(main())
