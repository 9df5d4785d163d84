"""Medians and slopes against independent formulas, on random data."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from c1m.estimates import line, median

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(VALUES)
def test_median_lies_inside_its_interval(values: list[float]) -> None:
    found = median(values)
    assert found is not None
    assert found.value == pytest.approx(float(np.median(values)))
    assert min(values) <= found.low <= found.value <= found.high <= max(values)
    assert found.count == len(values)


def test_median_of_nothing_is_nothing() -> None:
    assert median([]) is None


def test_a_single_value_has_no_confidence() -> None:
    found = median([7.0])
    assert found is not None
    assert (found.low, found.high, found.confidence) == (7.0, 7.0, 0.0)


@pytest.mark.parametrize(
    ("count", "rank", "coverage"),
    # The binomial formula by hand: n = 3 covers 1 - 2/8, n = 9 covers 1 - 2 (1 + 9)/512.
    [(3, 1, 0.75), (5, 1, 1 - 2 / 32), (6, 1, 1 - 2 / 64), (9, 2, 1 - 20 / 512), (21, 6, None)],
)
def test_interval_of_the_median(count: int, rank: int, coverage: float | None) -> None:
    found = median([float(value) for value in range(1, count + 1)])
    assert found is not None
    assert (found.low, found.high) == (rank, count + 1 - rank)
    if coverage is not None:
        assert found.confidence == pytest.approx(coverage)
    assert found.confidence >= 0.95 or count < 6


def test_interval_covers_the_true_median_as_often_as_it_says() -> None:
    source = random.Random(20)
    hits = 0
    runs, count = 4000, 9
    for _ in range(runs):
        found = median([source.expovariate(1.0) for _ in range(count)])
        assert found is not None
        hits += found.low <= math.log(2) <= found.high
    expected = 1 - 20 / 512
    # Five standard deviations of a binomial share.
    assert abs(hits / runs - expected) < 5 * math.sqrt(expected * (1 - expected) / runs)


@given(
    st.lists(st.integers(0, 10_000), min_size=4, max_size=20, unique=True),
    st.floats(-1e3, 1e3),
    st.floats(-1e6, 1e6),
    st.integers(0, 2**31),
)
def test_line_agrees_with_the_covariance_formula(
    x: list[int], slope: float, intercept: float, seed: int
) -> None:
    source = random.Random(seed)
    y = [slope * each + intercept + source.gauss(0, 50) for each in x]
    found = line(x, y)
    assert found is not None
    # Slope and standard error from the inverse of X'X: not the path that linregress takes.
    design = np.column_stack([np.ones(len(x)), np.asarray(x, dtype=float)])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ np.asarray(y)
    rest = np.asarray(y) - design @ beta
    variance = float(rest @ rest) / (len(x) - 2) * inverse[1, 1]
    half = float(stats.t.ppf(0.975, len(x) - 2)) * math.sqrt(variance)
    assert found.slope.value == pytest.approx(float(beta[1]), rel=1e-6, abs=1e-6)
    assert found.slope.high - found.slope.value == pytest.approx(half, rel=1e-4, abs=1e-6)
    assert found.intercept == pytest.approx(float(beta[0]), rel=1e-4, abs=1e-3)


def test_slope_interval_covers_the_true_slope_as_often_as_it_says() -> None:
    source = random.Random(4)
    hits, runs = 0, 2000
    x = [100.0, 2500.0, 5000.0, 7500.0, 10_000.0]
    for _ in range(runs):
        found = line(x, [270 * each + 1e6 + source.gauss(0, 5e4) for each in x])
        assert found is not None
        hits += found.slope.low <= 270 <= found.slope.high
    assert abs(hits / runs - 0.95) < 5 * math.sqrt(0.95 * 0.05 / runs)


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0]])
def test_no_line_without_an_interval(x: list[float]) -> None:
    assert line(x, [2 * each for each in x]) is None


def test_a_figure_that_never_changes_has_an_interval_of_no_width() -> None:
    # The correlation of a constant is 0 / 0.
    fitted = line([100.0, 200.0, 300.0], [0.0, 0.0, 0.0])
    assert fitted is not None
    assert (fitted.slope.low, fitted.slope.value, fitted.slope.high) == (0.0, 0.0, 0.0)
