"""Runs every fuzzer of the fuzz preset for a bounded time, some side by side; one JUnit case each.

A fuzzer's corpus is kept in build/, so that a later run starts where the last one ended; the
inputs in FOLDER/corpus/NAME/ of the sources are tried first and never written to. The seed is
fixed: a failure is found again by the command printed with it. Not here: long fuzzing.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import junit

ROOT = Path(__file__).resolve().parent.parent


def find_fuzzers(directory: Path) -> list[Path]:
    """Return the executables of the fuzz preset's output directory, sorted by name."""
    return sorted(
        path for path in directory.glob("*") if path.is_file() and os.access(path, os.X_OK)
    )


def find_seeds(name: str, root: Path = ROOT) -> list[Path]:
    """Return the directories of a fuzzer's inputs in the sources."""
    return sorted(root.glob(f"*/corpus/{name}"))


def run_fuzzer(fuzzer: Path, seconds: int) -> junit.Case:
    """Fuzz for `seconds`; libFuzzer writes what makes it fail beside the corpus."""
    corpus = fuzzer.parent / f"{fuzzer.name}.corpus"
    corpus.mkdir(exist_ok=True)
    command = [
        str(fuzzer),
        f"-max_total_time={seconds}",
        "-seed=1",
        "-print_final_stats=1",
        f"-artifact_prefix={corpus}/failing-",
        str(corpus),
        *map(str, find_seeds(fuzzer.name)),
    ]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds + 60
        )
        failed, output = done.returncode != 0, done.stderr
    except subprocess.TimeoutExpired:
        failed, output = True, "did not end in time"
    failure = f"{' '.join(command)}\n{output[-4000:]}" if failed else None
    return junit.Case(fuzzer.name, time.monotonic() - started, failure)


def main() -> int:
    """Run all; the exit code is 1 when one failed or there is none."""
    parser = argparse.ArgumentParser(description="run every fuzzer for a bounded time")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=10, help="for each fuzzer")
    parser.add_argument("--jobs", type=int, default=1, help="fuzzers at a time")
    parser.add_argument("--junitxml", type=Path, required=True)
    arguments = parser.parse_args()
    cases = []
    with ThreadPoolExecutor(max(1, arguments.jobs)) as pool:
        fuzzers = find_fuzzers(arguments.directory)
        for case in pool.map(lambda fuzzer: run_fuzzer(fuzzer, arguments.seconds), fuzzers):
            cases.append(case)
            verdict = "ok" if case.failure is None else "FAILED"
            print(f"{case.name}: {verdict}, {case.seconds:.0f} s", flush=True)
            if case.failure is not None:
                print(case.failure)
    junit.write(arguments.junitxml, "fuzz", cases)
    if not cases:
        print(f"no fuzzers in {arguments.directory}", file=sys.stderr)
    return 0 if cases and all(case.failure is None for case in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
