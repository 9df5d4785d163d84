"""The last line of `make test` says what the runners reported, and hides no failed step."""

from pathlib import Path

import pytest
import tests_summary

import junit

CTEST = """<?xml version="1.0"?>
<testsuite name="ctest" tests="99" failures="0">
  <testcase name="Clock.Runs" classname="Clock.Runs" status="run"/>
  <testcase name="Clock.Fails" status="fail"><failure message="Failed"/>
    <system-out>clock.cpp:7: Failure&#10;  Expected: 1&#10;</system-out></testcase>
  <testcase name="Clock.Skipped" status="notrun"><skipped message="SKIP"/></testcase>
  <testcase name="Clock.Disabled" status="disabled"/>
</testsuite>
"""
PYTEST = """<testsuites><testsuite name="pytest">
  <testcase classname="test_plan" name="test_one" time="61.25"/>
  <testcase classname="test_plan" name="test_two" time="0.5"
    ><error message="fixture">first\nE   last</error></testcase>
</testsuite></testsuites>
"""


def write_steps(directory: Path, *rows: tuple[str, int, str]) -> Path:
    table = directory / "steps.tsv"
    table.write_text("".join(f"{name}\t{status}\t7\t{file}\n" for name, status, file in rows))
    return table


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_cases_are_counted_and_the_attributes_are_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "unit.xml"
    file.write_text(CTEST)
    counts = junit.read(file)
    assert (counts.passed, counts.failed, counts.skipped) == (1, 1, 2)
    assert counts.failures == ["Clock.Fails"]


def test_results_of_all_runners_are_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unit.xml").write_text(CTEST)
    (tmp_path / "pytest.xml").write_text(PYTEST)
    table = write_steps(
        tmp_path,
        ("unit tests", 8, str(tmp_path / "unit.xml")),
        ("python tests", 1, str(tmp_path / "pytest.xml")),
    )
    assert tests_summary.main(table) == 1
    output = capsys.readouterr().out
    assert (
        "failed: unit tests: Clock.Fails\n    clock.cpp:7: Failure\n      Expected: 1\n" in output
    )
    assert "failed: python tests: test_plan.test_two\n    first\n    E   last\n" in output
    assert "slow: 61 s python tests: test_plan.test_one\nslow: 0 s python tests: " in output
    assert output.splitlines()[-1] == "2 passed, 2 failed, 2 skipped"


def test_success_is_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lint.xml"
    junit.write(file, "lint", [junit.Case("layers", 0.5, None)])
    assert tests_summary.main(write_steps(tmp_path, ("lint", 0, str(file)))) == 0
    assert last_line(capsys) == "1 passed, 0 failed"


def test_a_build_that_fails_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lint.xml"
    junit.write(file, "lint", [junit.Case("layers", 0.5, None)])
    table = write_steps(tmp_path, ("lint", 0, str(file)), ("build dev", 2, "-"))
    assert tests_summary.main(table) == 1
    assert last_line(capsys) == "1 passed, 1 failed"


def test_a_runner_that_fails_without_a_failed_case_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pytest.xml"
    junit.write(file, "pytest", [junit.Case("one", 0.5, None)])
    assert tests_summary.main(write_steps(tmp_path, ("python tests", 3, str(file)))) == 1
    assert last_line(capsys) == "1 passed, 1 failed"


def test_of_a_long_text_the_end_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "lint.xml"
    text = "\n".join(f"line {number}" for number in range(100))
    junit.write(file, "lint", [junit.Case("clang-tidy", 0.5, text)])
    assert tests_summary.main(write_steps(tmp_path, ("lint", 1, str(file)))) == 1
    output = capsys.readouterr().out
    assert "    line 99\n" in output
    assert "line 87\n" not in output


@pytest.mark.parametrize("content", [None, "<testsuite", "", '<a><testcase time="long"/></a>'])
def test_a_missing_or_broken_result_is_a_failure(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.xml"
    if content is not None:
        file.write_text(content)
    assert tests_summary.main(write_steps(tmp_path, ("unit tests", 0, str(file)))) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_no_tests_at_all_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tests_summary.main(write_steps(tmp_path)) == 1
    assert last_line(capsys) == "0 passed, 0 failed"
    assert tests_summary.main(write_steps(tmp_path, ("build dev", 0, "-"))) == 1


def test_a_written_failure_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "new" / "fuzz.xml"
    cases = [junit.Case("good", 1.0, None), junit.Case("bad", 2.0, 'crash: "<&>"')]
    junit.write(file, "fuzz", cases)
    counts = junit.read(file)
    assert (counts.passed, counts.failed, counts.failures) == (1, 1, ["bad"])
