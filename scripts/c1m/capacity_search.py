"""The search for the highest rate held: bracket, bisection in log scale, confirmation.

Invariant: ends after at most `probes_max` probes; `held` is always a rate that was held, `failed`
the lowest rate above it that was not. No single probe decides: a rate that failed is tried again at
once, and a third time if the two disagree; the highest rate held is tried again at the end.
Not here: running a probe; what "held" means (verdict.py).
"""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SearchSettings:
    """How to search. Rates in requests a second; `resolution` is the wanted ratio failed / held -
    1.
    """

    start_rps: float
    rate_rps_min: float
    rate_rps_max: float
    factor: float
    resolution: float
    probes_max: int


@dataclass
class _Rate:
    held: int = 0
    failed: int = 0
    bound_by: str | None = None


@dataclass
class CapacitySearch:
    """One search, driven from outside: ask next_probe(), run it, tell record()."""

    settings: SearchSettings
    probes: int = 0
    finished: bool = False
    _rates: dict[float, _Rate] = field(default_factory=dict)

    @property
    def held(self) -> float | None:
        """The highest rate that more probes held than failed, below the lowest failed one."""
        return max(self._below_failures(), default=None)

    @property
    def failed(self) -> float | None:
        """The lowest rate that at least as many probes failed as held."""
        return min(
            (rate for rate, seen in self._rates.items() if seen.failed >= seen.held), default=None
        )

    @property
    def bound_by(self) -> str | None:
        """What the probe at failed() failed on; "search_limit" when the highest rate allowed was
        held.
        """
        failed = self.failed
        if failed is not None:
            return self._rates[failed].bound_by
        held = self.held
        return "search_limit" if held is not None and held >= self.settings.rate_rps_max else None

    @property
    def confirmed(self) -> bool:
        """Whether both ends of the bracket were seen twice with the same outcome."""
        held, failed = self.held, self.failed
        if held is None or failed is None:
            return False
        return self._rates[held].held >= 2 and self._rates[failed].failed >= 2

    def next_probe(self) -> tuple[float, str] | None:
        """The next rate and the phase it belongs to; nothing when the search is over."""
        if self.finished or self.probes >= self.settings.probes_max:
            return None
        return self._following()

    def record(self, rate_rps: float, held: bool, bound_by: str | None) -> None:
        """Takes the outcome of a probe."""
        self.probes += 1
        seen = self._rates.setdefault(rate_rps, _Rate())
        if held:
            seen.held += 1
        else:
            seen.failed += 1
            seen.bound_by = bound_by
        self.finished = self._following() is None

    def _below_failures(self) -> list[float]:
        failed = self.failed
        return [rate for rate in self._rates if failed is None or rate < failed]

    def _following(self) -> tuple[float, str] | None:
        held, failed = self.held, self.failed
        if failed is not None and self._rates[failed].failed < 2:
            return failed, "confirm"
        if failed is None:
            return self._upward(held)
        if held is None:
            return self._downward(failed)
        if failed / held - 1 > self.settings.resolution:
            return _rounded(math.sqrt(held * failed)), "bisect"
        return (held, "confirm") if self._rates[held].held < 2 else None

    def _upward(self, held: float | None) -> tuple[float, str] | None:
        if held is None:
            return self.settings.start_rps, "bracket"
        if held >= self.settings.rate_rps_max:
            return None
        return min(_rounded(held * self.settings.factor), self.settings.rate_rps_max), "bracket"

    def _downward(self, failed: float) -> tuple[float, str] | None:
        if failed <= self.settings.rate_rps_min:
            return None
        return max(_rounded(failed / self.settings.factor), self.settings.rate_rps_min), "bracket"


def _rounded(rate_rps: float) -> float:
    """Three significant digits: rates that a person can type again."""
    return float(f"{rate_rps:.3g}")
