"""The search for the highest rate held, on simulated servers in place of real ones."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c1m.capacity_search import CapacitySearch, SearchSettings

SETTINGS = SearchSettings(
    start_rps=20_000,
    rate_rps_min=500,
    rate_rps_max=500_000,
    factor=1.5,
    resolution=0.05,
    probes_max=40,
)


def run(search: CapacitySearch, capacity_rps: float, noise: float, source: random.Random) -> None:
    """Drives a search against a server whose capacity varies from probe to probe."""
    while (step := search.next_probe()) is not None:
        rate_rps, _ = step
        held = rate_rps < capacity_rps * source.uniform(1 - noise, 1 + noise)
        search.record(rate_rps, held, None if held else "response_p99")


@given(st.floats(600, 400_000))
def test_finds_a_steady_capacity(capacity_rps: float) -> None:
    search = CapacitySearch(SETTINGS)
    run(search, capacity_rps, 0, random.Random(1))
    assert search.finished
    assert search.confirmed
    assert search.held is not None
    assert search.failed is not None
    assert search.held < capacity_rps <= search.failed
    # Rates have three significant digits, so the bracket may be wider by one of them.
    assert search.failed / search.held - 1 <= SETTINGS.resolution + 0.01
    assert search.bound_by == "response_p99"


@settings(max_examples=200)
@given(st.floats(2_000, 200_000), st.integers(0, 2**31))
def test_finds_a_noisy_capacity_within_its_noise(capacity_rps: float, seed: int) -> None:
    search = CapacitySearch(SETTINGS)
    run(search, capacity_rps, 0.03, random.Random(seed))
    assert search.held is not None
    # Outside +-3 % every probe is decided: the result lies within that and one step.
    assert capacity_rps * 0.97 / 1.08 <= search.held <= capacity_rps * 1.03


def test_one_unlucky_probe_does_not_decide() -> None:
    search = CapacitySearch(SETTINGS)
    outcomes = {20_000.0: iter([True, True]), 30_000.0: iter([False, True, True])}
    seen = []
    while (step := search.next_probe()) is not None and search.probes < 30:
        rate_rps, phase = step
        seen.append((rate_rps, phase))
        held = next(outcomes.get(rate_rps, iter([rate_rps < 31_000])), rate_rps < 31_000)
        search.record(rate_rps, held, None if held else "response_p99")
    assert search.held is not None
    assert search.held >= 30_000
    assert (30_000.0, "confirm") in seen


def test_a_bracket_is_halved_in_log_scale() -> None:
    search = CapacitySearch(SearchSettings(1_000, 500, 500_000, 100, 0.05, 40))
    search.record(1_000, True, None)
    search.record(100_000, False, "response_p99")
    assert search.next_probe() == (100_000, "confirm")
    search.record(100_000, False, "response_p99")
    assert search.next_probe() == (10_000, "bisect")


def test_a_server_that_holds_nothing() -> None:
    search = CapacitySearch(SETTINGS)
    run(search, 0, 0, random.Random(1))
    assert search.finished
    assert search.held is None
    assert search.failed == SETTINGS.rate_rps_min
    assert not search.confirmed


def test_a_server_that_holds_everything_is_bound_by_the_search() -> None:
    search = CapacitySearch(SETTINGS)
    run(search, 1e9, 0, random.Random(1))
    assert search.finished
    assert search.held == SETTINGS.rate_rps_max
    assert search.bound_by == "search_limit"


@pytest.mark.parametrize("probes_max", [1, 2, 5])
def test_never_more_probes_than_allowed(probes_max: int) -> None:
    bounded = SearchSettings(20_000, 500, 500_000, 1.5, 0.05, probes_max)
    search = CapacitySearch(bounded)
    run(search, 77_777, 0, random.Random(1))
    assert search.probes == probes_max
    assert not search.finished
