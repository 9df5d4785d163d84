"""Medians and slopes with their intervals.

Invariant: an interval states its own confidence; with few repetitions a median's interval is the
whole range, whose true coverage is then below 95 % and is printed as it is.
Sources: order statistics (David and Nagaraja, Order Statistics, 7.1); ordinary least squares by
scipy.
Not here: which cells go into an estimate (summary.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval. `confidence` is the interval's coverage; 0 when there is none (n
    = 1).
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int


def median(values: Sequence[float]) -> Estimate | None:
    """The median with the narrowest symmetric interval of order statistics that covers 95 %.

    For independent values of one continuous distribution, [x(k), x(n+1-k)] covers the median with
    probability 1 - 2 P(Binomial(n, 1/2) < k). Where even the whole range covers less than 95 %
    (n < 6) the whole range is given with its own coverage. Nothing for no values.
    """
    if not values:
        return None
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    centre = float(np.median(ordered))
    if count == 1:
        return Estimate(centre, centre, centre, 0.0, 1)
    rank = max((k for k in range(1, count // 2 + 1) if _coverage(count, k) >= 0.95), default=1)
    return Estimate(
        centre,
        float(ordered[rank - 1]),
        float(ordered[count - rank]),
        _coverage(count, rank),
        count,
    )


def _coverage(count: int, rank: int) -> float:
    return float(1 - 2 * stats.binom.cdf(rank - 1, count, 0.5))


@dataclass(frozen=True)
class Line:
    """A least-squares line with the interval of its slope."""

    slope: Estimate
    intercept: float


def line(x: Sequence[float], y: Sequence[float]) -> Line | None:
    """Ordinary least squares with the 95 % interval of the slope (Student's t, n - 2 degrees).

    Nothing when there are fewer than three points or all x are equal: no interval exists then.
    """
    if len(x) < 3 or len(set(x)) < 2:
        return None
    fit = stats.linregress(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    # Where y never changes the correlation, and with it this, is not a number.
    stderr = 0.0 if np.isnan(fit.stderr) else float(fit.stderr)
    half = float(stats.t.ppf(0.975, len(x) - 2)) * stderr
    slope = float(fit.slope)
    return Line(Estimate(slope, slope - half, slope + half, 0.95, len(x)), float(fit.intercept))
