"""The form of single files: opening comment, length, names, and text that belongs in no file.

Not here: what compilers and formatters decide (check_tools), the length of C++ functions
(clang-tidy's readability-function-size), links (check_links).
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lint.source_tree import CPP_SUFFIXES, Finding, SourceTree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
OPENING_CHARACTERS_MIN = 20

CODE_SUFFIXES = {*CPP_SUFFIXES, ".py", ".sh", ".cmake"}
CODE_NAMES = {"CMakeLists.txt", "Makefile", "c1m", "run"}
# Names that a tool prescribes, so that several files must share them.
SHARED_NAMES = {"main.cpp", "CMakeLists.txt", "__init__.py", "__main__.py", "conftest.py"}
NOT_TEXT = {".bin", ".png", ".gz", ".woff2", ".ico"}
# Written by tools; their form is not ours.
GENERATED = {"requirements.lock"}

BANNED_WORDS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "base"}
SNAKE_CASE = re.compile(r"^[a-z_][a-z0-9_]*$")
DECISION = re.compile(r"^\d{4}-[a-z0-9-]+$")
CPP_TYPE = re.compile(r"^\s*(?:class|struct|enum class|enum|concept|namespace)\s+([A-Za-z_][\w:]*)")
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Absolute paths of two or more parts, but not in URLs, in the middle of a word, or as the second
# half of a concatenation.
ABSOLUTE_PATH = re.compile(r"(?<![\w./:>)}\]*$~-])(?<!\+ \")/([a-z][\w.-]*)/[\w.-]")
# The directories of any Linux machine, and the one that tests take for granted to be missing; all
# others are somebody's own.
SYSTEM_DIRECTORIES = {
    *("bin", "dev", "etc", "lib", "proc", "run", "sys", "tmp", "usr", "var"),
    "nonexistent",
}


def is_code(path: Path) -> bool:
    """Whether the rules for source code hold for a file."""
    return (path.suffix in CODE_SUFFIXES or path.name in CODE_NAMES) and not is_of_a_run(path)


def is_of_a_run(path: Path) -> bool:
    """Whether a file is of a committed run: the benchmark wrote it and gave it its name."""
    return path.parts[:2] == ("results", "reference")


def is_our_text(path: Path) -> bool:
    """Whether a file is text that somebody wrote (and not a tool, or a run of the benchmark)."""
    return path.suffix not in NOT_TEXT and path.name not in GENERATED and not is_of_a_run(path)


def opening_comment(tree: SourceTree, path: Path) -> str:
    """Return the comment or docstring with which a file opens, empty when it has none."""
    if path.suffix == ".py":
        return ast.get_docstring(ast.parse(tree.text(path))) or ""
    mark = "//" if path.suffix in CPP_SUFFIXES else "#"
    comment: list[str] = []
    for line in tree.lines(path):
        if line.startswith("#!") and not comment:
            continue
        if not line.startswith(mark):
            break
        comment.append(line.removeprefix(mark).strip())
    return " ".join(comment)


def check_opening(tree: SourceTree) -> list[Finding]:
    """Every source file opens with what it is for."""
    message = (
        "does not open with a comment that says what it is for "
        f"(at least {OPENING_CHARACTERS_MIN} characters)"
    )
    return [
        Finding(path, 1, message)
        for path in tree.files
        if is_code(path) and tree.text(path)
        if len(opening_comment(tree, path)) < OPENING_CHARACTERS_MIN
    ]


def check_size(tree: SourceTree) -> Iterator[Finding]:
    """Check the lines of a file, and of a Python function."""
    for path in filter(is_code, tree.files):
        count = len(tree.lines(path))
        if count > FILE_LINES_MAX:
            yield Finding(path, 0, f"has {count} lines; at most {FILE_LINES_MAX}")
    for path in tree.python_files:
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = (node.end_lineno or node.lineno) - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    message = f"{node.name} has {count} lines; at most {FUNCTION_LINES_MAX}"
                    yield Finding(path, node.lineno, message)


def check_text(tree: SourceTree) -> Iterator[Finding]:
    """Check columns, tabs, spaces at the end, and the end of the file."""
    for path in filter(is_our_text, tree.files):
        text = tree.text(path)
        tabs_allowed = path.name == "Makefile" or path.suffix in {".go", ".tsv"}
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield Finding(path, 0, "must end with exactly one newline")
        for number, line in enumerate(text.splitlines(), start=1):
            if line != line.rstrip():
                yield Finding(path, number, "has spaces at its end")
            if "\t" in line and not tabs_allowed:
                yield Finding(path, number, "has a tab")
            if is_code(path) and len(line) > COLUMNS_MAX:
                yield Finding(path, number, f"has {len(line)} columns; at most {COLUMNS_MAX}")


def declared_names(tree: SourceTree, path: Path) -> Iterator[tuple[int, str]]:
    """Types and namespaces of C++, classes and functions of Python, with their lines."""
    if path.suffix in CPP_SUFFIXES:
        for number, line in enumerate(tree.lines(path), start=1):
            if match := CPP_TYPE.match(line):
                yield number, match[1]
    elif path.suffix == ".py":
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield node.lineno, node.name


def banned_word(name: str) -> str | None:
    """Return the first banned word in a name of any case style."""
    words = (word.lower() for word in WORDS.findall(name))
    return next((word for word in words if word in BANNED_WORDS), None)


def check_names(tree: SourceTree) -> Iterator[Finding]:
    """Check that file names are unique and snake_case, and that no name says nothing."""
    places = defaultdict(list)
    for path in filter(is_code, tree.files):
        places[path.name].append(path)
        if not SNAKE_CASE.match(path.stem) and path.name not in CODE_NAMES:
            yield Finding(path, 0, f"is not named in snake_case: {path.name}")
        for line, name in declared_names(tree, path):
            if word := banned_word(name):
                yield Finding(path, line, f"{name} says '{word}', which says nothing")
    for path in tree.files:
        for part in path.parts:
            if word := banned_word(part):
                yield Finding(path, 0, f"the path says '{word}', which says nothing")
        if path.parts[:2] == ("docs", "decisions") and not DECISION.match(path.stem):
            yield Finding(path, 0, "a decision is named NNNN-title.md")
    for name, paths in places.items():
        if len(paths) > 1 and name not in SHARED_NAMES:
            others = ", ".join(map(str, paths[1:]))
            yield Finding(paths[0], 0, f"shares its file name with {others}")


def check_absolute_paths(tree: SourceTree) -> Iterator[Finding]:
    """Find paths that exist only on the machine of whoever wrote them."""
    for path in filter(is_our_text, tree.files):
        if path.name == ".gitignore":  # there, a leading slash means the top of the checkout
            continue
        for number, line in enumerate(tree.lines(path), start=1):
            for match in ABSOLUTE_PATH.finditer(line):
                if match[1] not in SYSTEM_DIRECTORIES:
                    yield Finding(path, number, f"names a path of one machine: {match[0]}...")
