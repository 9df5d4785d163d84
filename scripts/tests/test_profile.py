"""Reading profiles: those that come with c1m, and files that are wrong."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from c1m.failure import ExitCode, UsageError
from c1m.layout import PROFILE_DIRECTORY
from c1m.plan import templates
from c1m.profile import parse_profile, profile_names, read_profile


def smoke() -> dict[str, Any]:
    return tomllib.loads((PROFILE_DIRECTORY / "smoke.toml").read_text("utf-8"))


def test_the_profiles_that_come_with_c1m() -> None:
    assert profile_names() == ["full", "million", "million-once", "pauses", "quick", "smoke"]


@pytest.mark.parametrize("name", ["smoke", "quick", "full"])
def test_each_profile_has_every_experiment(name: str) -> None:
    found = {cell.experiment for cell, _ in templates(read_profile(name))}
    assert found == {"latency", "efficiency", "capacity", "connect", "memory", "pauses"}


def test_quick_repeats_latency_and_efficiency_three_times() -> None:
    quick = read_profile("quick")
    assert quick.latency is not None
    assert quick.efficiency is not None
    assert quick.latency.repetitions >= 3
    assert quick.efficiency.repetitions >= 3


def test_a_path_is_a_profile(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text((PROFILE_DIRECTORY / "smoke.toml").read_text("utf-8"))
    assert read_profile(str(path)).name == "mine"


@pytest.mark.parametrize("name", ["billion", "nothing.toml", ""])
def test_unknown_profiles_are_listed(name: str) -> None:
    with pytest.raises(
        UsageError, match="full, million, million-once, pauses, quick, smoke"
    ) as caught:
        read_profile(name)
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.pop("run"), r"section \[run\] is missing"),
        (lambda text: text.update(speed={}), "unknown section or key: speed"),
        (lambda text: text["latency"].update(rate=1), r"\[latency\]: unknown key: rate"),
        (lambda text: text["latency"].pop("points"), "missing key: points"),
        (lambda text: text["latency"].update(points=[[1]]), "needs pairs"),
        (lambda text: text["memory"].update(rungs=[]), "a list that is not empty"),
        (lambda text: text["efficiency"].update(connections=0), "0 is not above 0"),
        (lambda text: text["efficiency"].update(connections=1.5), "not a number of the right kind"),
        (lambda text: text["efficiency"].update(duration_s=True), "not a number"),
        (lambda text: text.update(memory=3), "is not a table"),
    ],
)
def test_what_is_wrong_is_named(change: Any, expected: str) -> None:
    source = copy.deepcopy(smoke())
    change(source)
    with pytest.raises(UsageError, match=expected):
        parse_profile("mine", source, "mine.toml")


def test_a_profile_without_experiments_is_refused() -> None:
    with pytest.raises(UsageError, match="no experiment"):
        parse_profile("mine", {"run": smoke()["run"]}, "mine.toml")


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[run\n")
    with pytest.raises(UsageError, match="cannot read"):
        read_profile(str(path))
