"""Server CPU a request of c1m-coro, by its poller and its stacks, beside the bare epoll loop.

usage: .venv/bin/python scripts/compare_pollers.py [--build build/release] [--repetitions 15]
       [--protocol echo|ws] [--servers "floor,floor again,uv,coro epoll"] [--busy-only]

Each repetition runs the floor twice (the second is the control: its difference shows what noise
does), c1m-uv, c1m-coro with each poller, and with compact stacks on epoll, every one a fresh
process, in an order drawn from the seed.
CPU time and requests are the server's own, over the same lines of its stats file; differences are
to the first floor of the same repetition, with Student's 95 % interval of their mean.
Not here: latency, other backends, documents for the report (`./c1m bench`).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, TextIO

from scipy import stats

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 30.0
CONNECTS_PER_S = 10_000

SERVERS = {
    "floor": ["c1m-floor"],
    "floor again": ["c1m-floor"],
    "uv": ["c1m-uv"],
    "coro epoll": ["c1m-coro", "--poller", "epoll"],
    "coro io_uring": ["c1m-coro", "--poller", "io_uring"],
    "coro compact": ["c1m-coro", "--stacks", "compact"],
}


@dataclass(frozen=True)
class Cell:
    """So many connections in a closed loop, beside so many that do nothing."""

    active: int
    idle: int

    @property
    def title(self) -> str:
        """For the table."""
        return f"{self.active + self.idle} open, {self.active} active"


CELLS = [Cell(100, 0), Cell(1_000, 9_000)]


def main() -> int:
    """Measures every cell and prints a table of each."""
    options = parse_options()
    order = random.Random(options.seed)
    for cell in CELLS[:1] if options.busy_only else CELLS:
        figures: dict[str, list[float]] = {name: [] for name in options.servers}
        for repetition in range(options.repetitions):
            names = list(options.servers)
            order.shuffle(names)
            for name in names:
                figures[name].append(cpu_us_a_request(name, cell, options))
            print(f"  {cell.title}: repetition {repetition + 1} done", file=sys.stderr)
        print_table(cell, figures)
    return 0


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--duration", type=float, default=3.0, help="seconds measured each time")
    parser.add_argument("--server-cpus", default="0")
    parser.add_argument("--generator-cpus", default="1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", choices=["echo", "ws"], default="echo")
    parser.add_argument("--servers", default=",".join(SERVERS), help="the floor first")
    parser.add_argument("--busy-only", action="store_true", help="without idle connections")
    options = parser.parse_args()
    options.servers = [name.strip() for name in options.servers.split(",")]
    unknown = [name for name in options.servers if name not in SERVERS]
    if unknown or options.servers[0] != "floor":
        parser.error(f"--servers: begins with floor, and has only {', '.join(SERVERS)}")
    if options.repetitions < 2:
        parser.error("--repetitions: an interval needs at least 2")
    return options


def cpu_us_a_request(name: str, cell: Cell, options: argparse.Namespace) -> float:
    """One run of a fresh server and fresh generators."""
    with tempfile.TemporaryDirectory() as directory:
        ready, lines = Path(directory) / "ready.json", Path(directory) / "stats.jsonl"
        program, *flags = [*SERVERS[name], "--protocol", options.protocol]
        command = [str(options.build / "bin" / program), "--listen", "127.0.0.1:0"]
        command += ["--connections", str(cell.active + cell.idle), "--cpus", options.server_cpus]
        command += ["--ready-file", str(ready), "--stats-file", str(lines)]
        server = subprocess.Popen([*command, "--stats-interval", "100ms", *flags])
        children = [server]
        try:
            target = await_target(server, ready)
            with (Path(directory) / "generators.txt").open("w+") as said:
                begin_ns, end_ns = run_load(cell, target, options, children, said)
            # Over WebSocket the server counts messages itself; an echo is a write.
            count = "messages_received" if options.protocol == "ws" else "writes"
            return figure(lines, begin_ns, end_ns, count)
        finally:
            for child in reversed(children):
                child.terminate()
                child.wait(STOP_TIMEOUT_S)


def await_target(server: "subprocess.Popen[bytes]", ready: Path) -> str:
    """Where the server listens."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{server.args!r} does not listen; its message stands above")
        time.sleep(0.02)
    return ",".join(shard["address"] for shard in json.loads(ready.read_text())["shards"])


def run_load(
    cell: Cell,
    target: str,
    options: argparse.Namespace,
    children: "list[subprocess.Popen[bytes]]",
    said: TextIO,
) -> tuple[int, int]:
    """Generators against the server; begin and end of the window, in CLOCK_MONOTONIC.

    They are stopped by the caller, long before they would have finished, so what they say of
    themselves goes to `said` and is shown when one ends too early.
    """
    load = [str(options.build / "bin" / "c1m-load"), "--target", target, "--progress", "never"]
    load += [
        "--protocol",
        options.protocol,
        "--cpus",
        options.generator_cpus,
        "--connect-rate",
        str(CONNECTS_PER_S),
    ]
    connect_s = max(cell.active, cell.idle) / CONNECTS_PER_S + 0.5
    if cell.idle > 0:
        held_s = 4 * connect_s + options.duration + 30
        held = ["--idle", "--connections", str(cell.idle), "--duration", f"{held_s:.0f}s"]
        children.append(subprocess.Popen([*load, *held], stdout=said, stderr=said))
        time.sleep(2 * connect_s)
    busy_s = connect_s + options.duration + 5  # the window ends before the traffic does
    traffic = ["--connections", str(cell.active), "--warmup", f"{connect_s:.1f}s"]
    begin_ns = time.monotonic_ns() + int(2 * connect_s * 1e9)
    traffic += ["--duration", f"{busy_s:.1f}s"]
    children.append(subprocess.Popen([*load, *traffic], stdout=said, stderr=said))
    end_ns = begin_ns + int(options.duration * 1e9)
    time.sleep(max(0.0, (end_ns - time.monotonic_ns()) / 1e9) + 0.2)
    if any(child.poll() is not None for child in children):
        said.seek(0)
        raise SystemExit(f"a program ended before the window did: {said.read() or 'see above'}")
    return begin_ns, end_ns


def figure(lines: Path, begin_ns: int, end_ns: int, count: str) -> float:
    """CPU time by requests between the first and the last line inside the window."""
    samples: list[dict[str, Any]] = [json.loads(line) for line in lines.read_text().splitlines()]
    inside = [one for one in samples if begin_ns <= one["monotonic_ns"] <= end_ns]
    first, last = inside[0]["total"], inside[-1]["total"]
    return float((last["cpu_us"] - first["cpu_us"]) / (last[count] - first[count]))


def print_table(cell: Cell, figures: dict[str, list[float]]) -> None:
    """Means, and differences to the floor with their intervals."""
    floor = figures["floor"]
    count = len(floor)
    print(f"\n{cell.title}, {count} repetitions; server CPU a request, us")
    print(f"{'':16}{'mean':>8}{'difference to floor':>22}{'95 % interval':>22}{'ratio':>8}")
    for name, values in figures.items():
        print(f"{name:16}{fmean(values):8.2f}", end="")
        if name == "floor":
            print()
            continue
        differences = [one - other for one, other in zip(values, floor, strict=True)]
        mean = fmean(differences)
        half = float(stats.t.ppf(0.975, count - 1)) * stdev(differences) / count**0.5
        interval = f"({mean - half:+.2f}, {mean + half:+.2f})"
        print(f"{mean:+22.2f}{interval:>22}{fmean(values) / fmean(floor):8.3f}")


if __name__ == "__main__":
    sys.exit(main())
