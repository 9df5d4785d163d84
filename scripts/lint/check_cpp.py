"""C++ through the compiler's eyes: every header compiles alone, and clang-tidy has nothing to say.

Results are cached by content (result_cache) for all clones of this user, as ccache does, so only
what a change reaches is checked again. clang-tidy's rules stand in .clang-tidy.
Not here: formatting (check_tools).
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lint import diagnostics
from lint.include_graph import IncludeGraph
from lint.result_cache import ResultCache
from lint.source_tree import Finding, SourceTree

COMPILER = "g++"
TIDY = "clang-tidy-19"
TIDY_SETTINGS = Path(".clang-tidy")
TIDY_PRESET = "tidy"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "c1m/lint"
# Tests, benchmarks and fuzzers get what finds mistakes and holds names and sizes: over GoogleTest's
# macros the rest takes twice as long (8.4 s of CPU for loadgen/accounting_test.cpp, not 3.9 s), and
# the static analyzer ten times.
TEST_FILE = re.compile(r"_(test|bench|fuzz)\.cpp$")
TEST_CHECKS = (
    "--checks=-*,bugprone-dangling-handle,bugprone-infinite-loop,bugprone-suspicious-*,"
    "bugprone-unused-raii,bugprone-use-after-move,misc-unused-using-decls,performance-*,"
    "-performance-enum-size,readability-function-size,readability-identifier-naming"
)
JOBS = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Job:
    """One compilation: the command, what it depends on, and which file it is about."""

    path: Path
    command: tuple[str, ...]
    stdin: str
    settings: tuple[str, ...]  # what decides the result and stands in no file below the root
    inputs: tuple[Path, ...]


@cache
def version(program: str) -> str:
    """Return what a program says about itself. Raises OSError when it is not installed."""
    return subprocess.run([program, "--version"], capture_output=True, text=True).stdout


def run_job(tree: SourceTree, stored: ResultCache, job: Job) -> list[Finding]:
    """Run one compilation unless it is known to succeed."""
    parts = (*job.command, job.stdin, *job.settings, version(job.command[0]))
    key = stored.key(parts, tree.root, job.inputs)
    if stored.has(key):
        return []
    done = subprocess.run(
        job.command,
        cwd=tree.root,
        env=os.environ | {"LC_ALL": "C"},
        input=job.stdin,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        stored.add(key)
        return []
    return diagnostics.parse(tree, done.stdout + done.stderr, job.path)


def run_jobs(tree: SourceTree, jobs: Iterable[Job]) -> list[Finding]:
    """Run compilations on all processors; what many files find in one header counts once."""
    stored = ResultCache(CACHE)

    def work(job: Job) -> list[Finding]:
        return run_job(tree, stored, job)

    with ThreadPoolExecutor(JOBS) as pool:
        return sorted({finding for findings in pool.map(work, jobs) for finding in findings})


def check_headers(tree: SourceTree) -> list[Finding]:
    """Every header compiles when it is included first, and may be included twice."""
    graph = IncludeGraph.of(tree)
    command = (COMPILER, "-std=c++23", "-fsyntax-only", "-Wall", "-Werror", "-I.", "-xc++", "-")
    return run_jobs(
        tree,
        (
            Job(header, command, f'#include "{header}"\n' * 2, (), tuple(graph.closure(header)))
            for header in graph.headers
        ),
    )


def configure_tidy(tree: SourceTree) -> Path:
    """Configure the tidy preset and return its build directory. Raises CalledProcessError."""
    subprocess.run(
        ["cmake", "--preset", TIDY_PRESET], cwd=tree.root, check=True, capture_output=True
    )
    return tree.root / "build" / TIDY_PRESET


def check_tidy(tree: SourceTree) -> list[Finding]:
    """Run clang-tidy on every source file that the tidy preset compiles, warnings being errors."""
    try:
        build = configure_tidy(tree)
    except subprocess.CalledProcessError as error:
        return [Finding(Path("CMakePresets.json"), 0, error.stderr.decode().strip()[-2000:])]
    database = json.loads((build / "compile_commands.json").read_text())
    graph = IncludeGraph.of(tree)
    # A file may be compiled more than once, with other settings; clang-tidy then reads it as often.
    compilations: dict[Path, list[str]] = {}
    for entry in database:
        path = Path(entry["file"])
        if not path.is_relative_to(tree.root) or path.is_relative_to(tree.root / "build"):
            continue
        flags = entry["command"].replace(str(tree.root), ".")
        compilations.setdefault(path.relative_to(tree.root), []).append(flags)
    return run_jobs(
        tree,
        (
            Job(
                source,
                (
                    *(TIDY, "--quiet"),
                    *((TEST_CHECKS,) if TEST_FILE.search(source.name) else ()),
                    *("-p", str(build.relative_to(tree.root)), str(source)),
                ),
                "",
                tuple(commands),
                (TIDY_SETTINGS, *graph.closure(source)),
            )
            for source, commands in compilations.items()
        ),
    )
