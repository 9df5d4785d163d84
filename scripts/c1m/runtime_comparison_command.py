"""`c1m compare-runtimes` from options to the table.

Invariant: the result goes to stdout, progress to stderr.
Not here: measuring (runtime_comparison.py, runtime_peers.py).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from c1m.doctor.facts import System
from c1m.estimates import Estimate
from c1m.failure import UsageError
from c1m.layout import TOP
from c1m.runtime_comparison import (
    C1M,
    OPERATIONS,
    Comparison,
    PeerFigure,
    c1m_measure,
    choose_cpus,
    compare,
    peer_measure,
    to_document,
)
from c1m.runtime_peers import PEERS, choose_peers, left_out_text
from c1m.storage import write_atomically

CACHE = TOP / ".cache"
# Columns, for two peers.
WIDTH = 170


@dataclass(frozen=True)
class RuntimeComparisonOptions:
    """The command line of `c1m compare-runtimes`."""

    peers: str
    processors: str
    operations: str
    repetitions: int
    build_directory: Path
    out: Path | None
    as_json: bool


def run_runtime_comparison(options: RuntimeComparisonOptions) -> None:
    """Measures and prints. Raises CommandError."""
    processors = _numbers(options.processors)
    operations = _operations(options.operations)
    cpus = choose_cpus(System().allowed_cpus, processors)
    progress = Console(stderr=True)
    measure_c1m = c1m_measure(options.build_directory, cpus)

    def say(text: str) -> None:
        progress.print(text, highlight=False, markup=False)

    peers = choose_peers(options.peers, CACHE, PEERS, say)
    comparisons = compare(
        measure_c1m,
        {name: peer_measure(name, program, cpus) for name, program in peers.programs.items()},
        operations,
        processors,
        options.repetitions,
        say,
    )
    document = to_document(comparisons, peers, options.repetitions, cpus)
    text = json.dumps(document, indent=1) + "\n"
    if options.out is not None:
        write_atomically(options.out, text)
    if options.as_json:
        print(text, end="")
    else:
        print_tables(comparisons, peers.left_out)


def _numbers(text: str) -> list[int]:
    try:
        return sorted({int(word) for word in text.split(",")})
    except ValueError:
        return []


def _operations(text: str) -> list[str]:
    wanted = list(OPERATIONS) if text == "all" else text.split(",")
    if unknown := [name for name in wanted if name not in OPERATIONS]:
        raise UsageError(
            f"--operations: {', '.join(unknown)} is not one of all, {', '.join(OPERATIONS)}."
        )
    return wanted


def print_tables(comparisons: list[Comparison], left_out: dict[str, str]) -> None:
    """A table for each number of processors, then what a reader of them must know."""
    console = Console(width=WIDTH, highlight=False)
    for count in sorted({each.processors for each in comparisons}):
        console.print(_table([each for each in comparisons if each.processors == count]))
    remarks = [left_out_text(name, reason) for name, reason in left_out.items()]
    remarks += [
        f"{PEERS[name].title}, {each.figure.operation}: {remark}"
        for each in comparisons
        for name, found in each.peers.items()
        for remark in (found.reason, found.differs)
        if remark is not None
    ]
    for line in dict.fromkeys(remarks):
        console.print(line, markup=False)


def _table(comparisons: list[Comparison]) -> Table:
    count, repetitions = comparisons[0].processors, comparisons[0].c1m.count
    table = Table(
        title=f"{count} processors, medians of {repetitions} repetitions, lowest, highest"
    )
    table.add_column("operation")
    table.add_column(C1M, justify="right")
    peers = list(comparisons[0].peers)
    for name in peers:
        table.add_column(PEERS[name].title, justify="right")
        table.add_column(f"{PEERS[name].title} / {C1M}", justify="right")
    for each in comparisons:
        found = [each.peers[name] for name in peers]
        table.add_row(
            f"{each.figure.title}, {each.figure.unit}",
            _cell(each.c1m),
            *(_cell(estimate) for peer in found for estimate in (peer.value, peer.ratio)),
        )
    means = [_geometric_mean([each.peers[name] for each in comparisons]) for name in peers]
    table.add_row(
        "geometric mean of the ratios", "", *(cell for mean in means for cell in ("", mean))
    )
    return table


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:,.4g} ({estimate.low:,.4g} to {estimate.high:,.4g})"


def _geometric_mean(figures: list[PeerFigure]) -> str:
    ratios = [each.ratio.value for each in figures if each.ratio is not None]
    if not ratios:
        return "-"
    return f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.3g} of {len(ratios)}"
