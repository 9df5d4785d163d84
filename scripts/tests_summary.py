"""The last lines of `make test`: adds up what the test runners wrote.

Input is the table of steps (name, exit status, seconds, JUnit file or "-") that
scripts/run_tests.sh keeps. Invariant: a step that failed always counts as at least one failure,
also when its runner wrote no result or a result without one. Not here: running tests.
"""

import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import junit

SLOWEST = 10  # how many of the slowest cases are named
TEXT_LINES = 12  # of what was said of a failure, the last ones: pytest ends with the reason


@dataclass(frozen=True)
class Step:
    """One line of the table of steps."""

    name: str
    status: int
    seconds: int
    junit_file: Path | None


def read_steps(table: Path) -> list[Step]:
    """Parse the table. Raises OSError or ValueError when it is missing or malformed."""
    steps = []
    for line in table.read_text(encoding="utf-8").splitlines():
        name, status, seconds, file = line.split("\t")
        steps.append(Step(name, int(status), int(seconds), None if file == "-" else Path(file)))
    return steps


def count(step: Step) -> junit.Counts:
    """What one step adds to the totals."""
    counts = junit.Counts()
    if step.junit_file is not None:
        try:
            counts = junit.read(step.junit_file)
        except (OSError, ElementTree.ParseError, ValueError) as error:
            counts.failed = 1
            counts.failures = [f"{step.name}: no readable result file ({error})"]
    if step.status != 0 and counts.failed == 0:
        counts.failed = 1
        counts.failures = [f"{step.name}: exit status {step.status}"]
    return counts


def main(table: Path) -> int:
    """Print a line a step, the slowest cases, failures, and the total; return the exit code."""
    total = junit.Counts()
    steps = read_steps(table)
    print("\nstep                          passed failed skipped seconds")
    for step in steps:
        counts = count(step)
        total.passed += counts.passed
        total.failed += counts.failed
        total.skipped += counts.skipped
        total.failures += [f"{step.name}: {name}" for name in counts.failures]
        total.texts |= {f"{step.name}: {name}": text for name, text in counts.texts.items()}
        total.seconds |= {f"{step.name}: {name}": took for name, took in counts.seconds.items()}
        print(
            f"{step.name:<29} {counts.passed:>6} {counts.failed:>6} {counts.skipped:>7} "
            f"{step.seconds:>7}"
        )
    for name, took in sorted(total.seconds.items(), key=itemgetter(1), reverse=True)[:SLOWEST]:
        print(f"slow: {took:.0f} s {name}")
    for failure in total.failures:
        print(f"failed: {failure}")
        for line in total.texts.get(failure, "").strip().splitlines()[-TEXT_LINES:]:
            print(f"    {line}")
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")
    return 0 if steps and total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
