"""Which CPUs server and generator get."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c1m.placement import format_cpu_list, parse_cpu_list, place

PAIRS = {0: [0, 1], 1: [0, 1], 2: [2, 3], 3: [2, 3]}


@given(st.sets(st.integers(0, 300), min_size=1))
def test_lists_survive_a_round_trip(cpus: set[int]) -> None:
    assert parse_cpu_list(format_cpu_list(sorted(cpus))) == sorted(cpus)


def test_lists_are_written_as_the_kernel_writes_them() -> None:
    assert format_cpu_list([0, 1, 2, 3, 8]) == "0-3,8"


@pytest.mark.parametrize("text", ["", "a", "1-", "1,,2"])
def test_bad_lists_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_cpu_list(text)


@given(st.sets(st.integers(0, 63), min_size=2), st.integers(1, 4), st.integers(1, 4))
def test_two_cpus_are_enough_to_be_apart(cpus: set[int], server: int, generator: int) -> None:
    siblings = {cpu: [cpu // 2 * 2, cpu // 2 * 2 + 1] for cpu in cpus}
    found = place(sorted(cpus), siblings, server, generator)
    assert not found.overlapping
    mine, theirs = set(parse_cpu_list(found.server)), set(parse_cpu_list(found.generator))
    assert mine.isdisjoint(theirs)
    assert mine | theirs <= cpus
    assert 1 <= len(mine) <= server
    assert 1 <= len(theirs) <= generator


def test_separate_cores_come_before_hardware_threads() -> None:
    found = place([0, 1, 2, 3], PAIRS, 1, 1)
    assert (found.server, found.generator) == ("3", "1")
    assert "separate cores" in found.note


def test_hardware_threads_of_one_core_are_named() -> None:
    found = place([2, 3], PAIRS, 1, 1)
    assert (found.server, found.generator) == ("3", "2")
    assert "hardware threads of one core" in found.note


def test_one_cpu_is_marked() -> None:
    found = place([5], {5: [5]}, 1, 1)
    assert found.overlapping
    assert found.server == found.generator == "5"
