"""`c1m compare-go` from options to the table.

Invariant: the result goes to stdout, progress to stderr.
Not here: measuring (go_comparison.py).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from c1m.doctor.facts import System
from c1m.failure import UsageError
from c1m.go_comparison import (
    OPERATIONS,
    Comparison,
    build_go_program,
    c1m_measure,
    choose_cpus,
    compare,
    go_measure,
    install_go,
    to_document,
)
from c1m.layout import TOP
from c1m.storage import write_atomically

CACHE = TOP / ".cache"


@dataclass(frozen=True)
class GoComparisonOptions:
    """The command line of `c1m compare-go`."""

    processors: str
    operations: str
    repetitions: int
    build_directory: Path
    out: Path | None
    as_json: bool


def run_go_comparison(options: GoComparisonOptions) -> None:
    """Measures and prints. Raises CommandError."""
    processors = _numbers(options.processors)
    operations = _operations(options.operations)
    cpus = choose_cpus(System().allowed_cpus, processors)
    progress = Console(stderr=True)
    measure_c1m = c1m_measure(options.build_directory, cpus)
    go = install_go(CACHE)
    comparisons = compare(
        measure_c1m,
        go_measure(build_go_program(go, CACHE), cpus),
        operations,
        processors,
        options.repetitions,
        lambda text: progress.print(text, highlight=False),
    )
    document = json.dumps(to_document(comparisons, options.repetitions, cpus), indent=1) + "\n"
    if options.out is not None:
        write_atomically(options.out, document)
    if options.as_json:
        print(document, end="")
    else:
        for count in processors:
            _print_table([each for each in comparisons if each.processors == count])


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


def _print_table(comparisons: list[Comparison]) -> None:
    count, repetitions = comparisons[0].processors, comparisons[0].ratio.count
    table = Table(
        title=f"{count} processors, medians of {repetitions} repetitions, lowest, highest"
    )
    for heading in ("operation", "c1m", "Go", "Go / c1m"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for each in comparisons:
        table.add_row(
            f"{each.figure.title}, {each.figure.unit}",
            *(
                f"{estimate.value:,.4g} ({estimate.low:,.4g} to {estimate.high:,.4g})"
                for estimate in (each.c1m, each.go, each.ratio)
            ),
        )
    mean = math.exp(sum(math.log(each.ratio.value) for each in comparisons) / len(comparisons))
    table.add_row("geometric mean of the ratios", "", "", f"{mean:.3g}")
    Console(width=120).print(table)
