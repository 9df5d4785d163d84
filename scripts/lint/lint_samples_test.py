"""Every check fails on its bad sample with the message that tells why, and passes its good one.

The samples are copied out of the checkout first, together with the tools' settings, so that the
checks see them as a project of their own.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lint import check_cpp, check_form, check_layers, check_links, check_tools
from lint.__main__ import CHECKS
from lint.source_tree import Finding, SourceTree

ROOT = Path(__file__).parents[2]
SAMPLES = Path(__file__).parent / "samples"
SETTINGS = (".clang-format", ".clang-tidy", "pyproject.toml")

Check = Callable[[SourceTree], Iterable[Finding]]

# Name of the samples, check, and for the bad one: file, line and a part of each message.
CASES: list[tuple[str, Check, list[tuple[str, int, str]]]] = [
    (
        "layers",
        check_layers.check,
        [
            ("docs/architecture.md", 0, "the included edges form a cycle: "),
            ("docs/architecture.md", 0, "the allowed edges form a cycle: "),
            ("docs/architecture.md", 13, "nobody uses the allowed edge zlib.h -> measure"),
            ("measure/probe.hpp", 4, '"os/none.hpp" is no file of the project'),
            ("os/result.hpp", 1, 'os may not include "measure/probe.hpp"'),
            ("protocol/session.hpp", 2, 'protocol may not include "os/socket.hpp"'),
            ("protocol/session.hpp", 4, "<nlohmann/json.hpp> belongs to measure"),
            ("protocol/session.hpp", 5, "<uv.h> has no owner"),
            ("protocol/session.hpp", 6, "nothing includes tests"),
            ("stray/stray.hpp", 0, "is in no folder of the layer table"),
        ],
    ),
    (
        "opening",
        check_form.check_opening,
        [
            (name, 1, "does not open with a comment")
            for name in ("module.py", "script.sh", "silent.hpp", "terse.cpp")
        ],
    ),
    (
        "size",
        check_form.check_size,
        [
            ("long_file.cpp", 0, "has 401 lines; at most 400"),
            ("long_function.py", 4, "endless has 71 lines; at most 70"),
        ],
    ),
    (
        "text",
        check_form.check_text,
        [
            ("padded.cpp", 0, "must end with exactly one newline"),
            ("spaced.cpp", 1, "has spaces at its end"),
            ("tabbed.cpp", 2, "has a tab"),
            ("unfinished.cpp", 0, "must end with exactly one newline"),
            ("wide.cpp", 1, "has 109 columns; at most 100"),
        ],
    ),
    (
        "names",
        check_form.check_names,
        [
            ("CamelCase.cpp", 0, "is not named in snake_case"),
            ("a/twin.cpp", 0, "shares its file name with b/twin.cpp"),
            ("connection.hpp", 2, "ConnectionManager says 'manager'"),
            ("docs/decisions/clock.md", 0, "a decision is named NNNN-title.md"),
            ("parser.py", 4, "parse_helper says 'helper'"),
            ("utils/clock.cpp", 0, "the path says 'utils'"),
        ],
    ),
    (
        "paths",
        check_form.check_absolute_paths,
        [
            ("home.cpp", 1, "names a path of one machine: /home/"),
            ("page.md", 1, "names a path of one machine: /opt/"),
        ],
    ),
    (
        "links",
        check_links.check,
        [
            ("page.md", 3, "dead link: none.md"),
            ("page.md", 3, "no such heading: #two"),
            ("page.md", 3, "no such heading: other.md#first"),
        ],
    ),
    ("shellcheck", check_tools.check_shellcheck, [("remove.sh", 2, "[SC2115]")]),
    ("ruff", check_tools.check_ruff, [("unused.py", 2, "F401"), ("unused.py", 2, "reformat")]),
    ("clang_format", check_tools.check_clang_format, [("loose.cpp", 1, "clang-format")]),
    ("mypy", check_tools.check_mypy, [("wrong_type.py", 6, "[return-value]")]),
    (
        "headers",
        check_cpp.check_headers,
        [
            ("needs_vector.hpp", 3, "'vector' in namespace 'std'"),
            ("unguarded.hpp", 2, "redefinition of"),
        ],
    ),
    (
        "clang_tidy",
        check_cpp.check_tidy,
        [
            ("os/sample.cpp", 7, "[bugprone-use-after-move"),
            ("os/sample.cpp", 10, "[readability-function-size"),
        ],
    ),
]


def copied_sample(name: str, directory: Path) -> SourceTree:
    shutil.copytree(SAMPLES / name, directory, dirs_exist_ok=True)
    tree = SourceTree.of_directory(directory)
    for settings in SETTINGS:
        shutil.copy(ROOT / settings, directory)
    return tree


@pytest.mark.parametrize(("name", "check", "expected"), CASES, ids=[case[0] for case in CASES])
def test_bad_sample_fails_with_the_right_messages(
    name: str, check: Check, expected: list[tuple[str, int, str]], tmp_path: Path
) -> None:
    findings = sorted(check(copied_sample(f"{name}/bad", tmp_path)))
    report = "\n".join(map(str, findings))
    for path, line, message in expected:
        assert any(
            str(one.path) == path and one.line == line and message in one.message
            for one in findings
        ), f"no finding {path}:{line}: {message} in:\n{report}"
    # Compilers and formatters print more lines than one a fault; our own checks do not.
    if check.__module__ in {check_form.__name__, check_layers.__name__, check_links.__name__}:
        assert len(findings) == len(expected), report


@pytest.mark.parametrize(("name", "check"), [case[:2] for case in CASES], ids=[c[0] for c in CASES])
def test_good_sample_passes(name: str, check: Check, tmp_path: Path) -> None:
    tree = copied_sample(f"{name}/good", tmp_path)
    assert tree.files, "there is a sample"
    assert sorted(check(tree)) == []


def test_every_check_has_samples() -> None:
    assert {case[1] for case in CASES} == set(CHECKS.values())
