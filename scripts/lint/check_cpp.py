"""C++ through the compiler's eyes: every header compiles alone, and clang-tidy has nothing to say.

Results are cached by content (result_cache) for all clones of this user, as ccache does, so only
what a change reaches is checked again. clang-tidy's rules stand in .clang-tidy.
Not here: formatting (check_tools).
"""

import json
import os
import re
import subprocess
import sys
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
TIDY = str(Path(sys.executable).with_name("clang-tidy"))  # of this very environment
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
    program = job.command[0]
    parts = (*job.command[1:], job.stdin, *job.settings, version(program))
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


def own_compilations(tree: SourceTree, build: Path) -> dict[Path, dict[str, str]]:
    """Return the entry of the compilation database for every source file of the project.

    A file that is compiled more than once is read as it is with the fewest settings: the runtime's,
    which the model checker compiles again over its own atomics, as it is in the servers.
    """
    compilations: dict[Path, dict[str, str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        if not path.is_relative_to(tree.root) or path.is_relative_to(tree.root / "build"):
            continue
        known = compilations.setdefault(path.relative_to(tree.root), entry)
        if len(entry["command"]) < len(known["command"]):
            compilations[path.relative_to(tree.root)] = entry
    return compilations


def check_tidy(tree: SourceTree) -> list[Finding]:
    """Run clang-tidy on every source file that the tidy preset compiles, warnings being errors."""
    try:
        build = configure_tidy(tree)
    except subprocess.CalledProcessError as error:
        return [Finding(Path("CMakePresets.json"), 0, error.stderr.decode().strip()[-2000:])]
    compilations = own_compilations(tree, build)
    once = build / "once"
    once.mkdir(exist_ok=True)
    (once / "compile_commands.json").write_text(json.dumps(list(compilations.values())))
    graph = IncludeGraph.of(tree)
    return run_jobs(
        tree,
        (
            Job(
                source,
                (
                    *(TIDY, "--quiet"),
                    *((TEST_CHECKS,) if TEST_FILE.search(source.name) else ()),
                    *("-p", str(once.relative_to(tree.root)), str(source)),
                ),
                "",
                (compilation["command"].replace(str(tree.root), "."),),
                (TIDY_SETTINGS, *graph.closure(source)),
            )
            for source, compilation in compilations.items()
        ),
    )
