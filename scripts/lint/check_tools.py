"""Tools of others with the project's settings: clang-format, ruff, mypy, shellcheck.

A tool that is not installed is a finding, never a silent pass.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from lint import diagnostics
from lint.source_tree import Finding, SourceTree


def run(tree: SourceTree, command: Sequence[str], files: Iterable[Path]) -> list[Finding]:
    """Run a tool over files; when it fails, what it prints is its findings."""
    names = [str(path) for path in files]
    if not names:
        return []
    where = Path(names[0]) if len(names) == 1 else Path()
    try:
        done = subprocess.run([*command, *names], cwd=tree.root, capture_output=True, text=True)
    except FileNotFoundError:
        return [Finding(where, 0, f"{command[0]} is not installed: run `make bootstrap`")]
    if done.returncode == 0:
        return []
    return diagnostics.parse(tree, done.stdout + done.stderr, where)


def module(name: str) -> list[str]:
    """Return the command for a Python tool of this very environment."""
    return [sys.executable, "-m", name]


def check_clang_format(tree: SourceTree) -> list[Finding]:
    """C++ is formatted as .clang-format says."""
    return run(tree, ["clang-format-19", "--dry-run", "-Werror"], tree.cpp_files)


def check_ruff(tree: SourceTree) -> list[Finding]:
    """Python passes ruff's rules and is formatted by it, as pyproject.toml says."""
    concise = ["--quiet", "--output-format=concise"]
    return [
        *run(tree, [*module("ruff"), "check", *concise], tree.python_files),
        *run(tree, [*module("ruff"), "format", "--check", *concise], tree.python_files),
    ]


def check_mypy(tree: SourceTree) -> list[Finding]:
    """Python is typed; mypy is strict by pyproject.toml."""
    return run(tree, [*module("mypy"), "--no-error-summary"], tree.python_files)


def check_shellcheck(tree: SourceTree) -> list[Finding]:
    """Shell scripts pass shellcheck."""
    return run(tree, ["shellcheck", "--format=gcc"], tree.shell_files)
