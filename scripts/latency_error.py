"""How far c1m-load's latencies are from the true ones, at parts of a server's capacity.

usage: .venv/bin/python scripts/latency_error.py [--build build/release] [--repetitions 5]
       [--capacity 10000] [--loads 5,50,80,95]

The far end (loadgen/paced_responder.cpp) answers no sooner than 1/capacity after the answer before.
Arrivals are drawn here (Poisson), on the connections in turn, so that they are answered in their
order while fewer than --connections wait, and replayed (--trace). So the time that each has to wait
is known without measuring anything: Lindley's recursion, W' = max(0, W + 1/capacity - gap). What
c1m-load reports beyond it is the error at this percentile: the path through the kernel, twice, the
far end's own work, and what the generator adds; and up to 0.1 % of the value, as a histogram names
the upper end of a bucket. At a small load few have to wait, so that its p50 is the path alone.
Not here: CPU time (compare_generators.py), wrk (a closed loop: it cannot be given a load).
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from compare_generators import failed_checks, on_cpu, require_built, responder, with_interval
from numpy.typing import NDArray

WARMUP_S = 0.5
PERCENTILES = {"p50": 50.0, "p99": 99.0, "p999": 99.9}
# The generator has one core, and its delay is a part of the error and printed.
MAY_FAIL = {"generator_cpu": "it has one core", "send_lag_p99_us": "it is a part of the error"}

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """One run: microseconds by percentile."""

    expected: dict[str, float]
    response: dict[str, float]
    send_lag_p99: float


def main() -> int:
    """Measures every load and prints the table."""
    options = parse_options()
    require_built(options.build)
    order = random.Random(options.seed)
    outcomes: dict[float, list[Outcome]] = {load: [] for load in options.loads}
    for repetition in range(options.repetitions):
        loads = list(options.loads)
        order.shuffle(loads)
        for load in loads:
            outcomes[load].append(run_one(load, order.getrandbits(32), options))
        print(f"  repetition {repetition + 1} done", file=sys.stderr)
    heading = f"capacity {options.capacity:.0f} requests/s, {options.connections} connections"
    print(f"{heading}, {options.duration} s, {options.repetitions} repetitions; us")
    print(format_table(outcomes))
    return 0


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--duration", type=int, default=10, help="seconds of each window")
    parser.add_argument("--capacity", type=float, default=10_000.0, help="answers a second")
    parser.add_argument("--loads", type=parse_loads, default="5,50,80,95", help="percent of it")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=128, help="of a request and of its answer")
    parser.add_argument("--responder-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if min(options.repetitions, options.duration, options.connections) < 1:
        parser.error("--repetitions, --duration and --connections: at least 1")
    if not 1.0 <= options.capacity <= 1e6:
        parser.error("--capacity: from 1 to 1000000")
    return options


def parse_loads(text: str) -> list[float]:
    """Percents that are separated by commas, each once."""
    loads = [float(part) for part in text.split(",")]
    if not all(0 < load < 100 for load in loads) or len(set(loads)) != len(loads):
        raise argparse.ArgumentTypeError("different percents between 0 and 100: 50,80,95")
    return loads


def run_one(load: float, seed: int, options: argparse.Namespace) -> Outcome:
    """Draws arrivals for the load, and has c1m-load send them."""
    arrivals = draw_arrivals(
        options.capacity * load / 100, WARMUP_S + options.duration, np.random.default_rng(seed)
    )
    waits = waiting_times(arrivals, 1 / options.capacity)[arrivals >= WARMUP_S]
    with tempfile.NamedTemporaryFile("w", suffix=".trace") as trace:
        trace.writelines(
            f"{arrival:.9f},{index % options.connections}\n"
            for index, arrival in enumerate(arrivals)
        )
        trace.flush()
        latencies = read_latencies(run_load(trace.name, options), len(waits))
    return Outcome(
        expected=percentiles(waits * 1e6),
        response={name: latencies["response"][name] for name in PERCENTILES},
        send_lag_p99=latencies["send_lag"]["p99"],
    )


def draw_arrivals(rate: float, duration_s: float, random_source: np.random.Generator) -> Times:
    """Offsets in seconds of a Poisson process, whole nanoseconds, in their order."""
    # So many that a shortfall has odds of less than 1e-9 (six standard deviations).
    count = math.ceil(rate * duration_s + 6 * math.sqrt(rate * duration_s) + 6)
    offsets = np.cumsum(random_source.exponential(1 / rate, count))
    return np.asarray(np.round(offsets[offsets < duration_s], 9))


def waiting_times(arrivals: Times, spacing_s: float) -> Times:
    """How long each waits for the turn that comes no sooner than `spacing_s` after the one before.

    Lindley's recursion W[n+1] = max(0, W[n] + spacing - gap[n]), unrolled: the sum of all steps so
    far less the least that it has been.
    """
    steps = np.concatenate(([0.0], np.cumsum(spacing_s - np.diff(arrivals))))
    return np.asarray(steps - np.minimum.accumulate(steps))


def percentiles(values: Times) -> dict[str, float]:
    """By name; between two values where no value has exactly so many below it."""
    found = np.percentile(values, list(PERCENTILES.values()))
    return dict(zip(PERCENTILES, map(float, found), strict=True))


def run_load(trace: str, options: argparse.Namespace) -> dict[str, Any]:
    """The document of c1m-load, from a fresh far end."""
    with responder(options, "echo", options.capacity) as port:
        command = [str(options.build / "bin" / "c1m-load"), "--target", f"127.0.0.1:{port}"]
        command += ["-c", str(options.connections), "-s", str(options.bytes), "--shards", "1"]
        command += ["--warmup", f"{WARMUP_S * 1e3:.0f}ms", "-d", f"{options.duration}s"]
        command += ["--trace", trace, "--progress", "never", "--format", "json"]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            preexec_fn=on_cpu(options.generator_cpu),
        )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def read_latencies(document: dict[str, Any], planned: int) -> dict[str, Any]:
    """Those of a run that sent and got all it should have: so many in its window."""
    wrong = failed_checks(document, MAY_FAIL)
    if document["counts"]["planned"] != planned:
        wrong.append(f"its window has {document['counts']['planned']} requests, not {planned}")
    if wrong:
        raise SystemExit("c1m-load's run is not valid: " + "; ".join(wrong))
    latencies: dict[str, Any] = document["latency_us"]
    return latencies


def format_table(outcomes: dict[float, list[Outcome]]) -> str:
    """A line for each load and percentile; differences are taken within a run."""
    lines = [f"{'load':>6} {'':5}{'true wait':>24}{'c1m-load beyond it':>28}"]
    for load, runs in outcomes.items():
        for name in PERCENTILES:
            expected = [run.expected[name] for run in runs]
            errors = [run.response[name] - run.expected[name] for run in runs]
            lines.append(
                f"{load:5g}% {name:5}{with_interval(expected, 0):>24}{with_interval(errors, 1):>28}"
            )
        lags = [run.send_lag_p99 for run in runs]
        lines.append(f"{'':7}send lag p99 {with_interval(lags, 1)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
