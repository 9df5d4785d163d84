"""Profiles: what a run measures, read from TOML.

Invariant: a profile is complete and checked when it leaves read_profile(): no unknown key, no
missing key, no value out of range. Sizes are what is wanted; plan.py reduces them to what the
machine allows.
Not here: the machine.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from c1m.capacity_search import SearchSettings
from c1m.failure import UsageError
from c1m.layout import PROFILE_DIRECTORY
from c1m.million.variants import VARIANTS


@dataclass(frozen=True)
class RunSettings:
    """Bounds of the whole run. No extra repetition begins after `extra_until_s`."""

    repetitions_extra_max: int
    extra_until_s: float
    server_cpus: int
    generator_cpus: int
    stats_interval_ms: int
    message_bytes: int
    timeout_s: float


@dataclass(frozen=True)
class LatencySettings:
    """Open loop at fixed rates; `points` are pairs of connections and requests a second."""

    repetitions: int
    warmup_s: float
    duration_s: float
    points: list[list[int]]


@dataclass(frozen=True)
class EfficiencySettings:
    """Closed loop: server CPU a request."""

    repetitions: int
    connections: int
    warmup_s: float
    duration_s: float


@dataclass(frozen=True)
class CapacitySettings:
    """Search for the highest open-loop rate with a response p99 below the bound."""

    repetitions: int
    connections: int
    warmup_s: float
    duration_s: float
    p99_us_max: float
    start_rps: float
    rate_rps_min: float
    rate_rps_max: float
    factor: float
    resolution: float
    probes_max: int

    @property
    def search(self) -> SearchSettings:
        """The part that the search itself needs."""
        return SearchSettings(
            self.start_rps,
            self.rate_rps_min,
            self.rate_rps_max,
            self.factor,
            self.resolution,
            self.probes_max,
        )


@dataclass(frozen=True)
class ConnectSettings:
    """Connects a second, as fast as they go."""

    repetitions: int
    connections: int


@dataclass(frozen=True)
class MemorySettings:
    """A ladder of idle connections; each rung is held for settle_s, then measured for hold_s."""

    repetitions: int
    rungs: list[int]
    settle_s: float
    hold_s: float


@dataclass(frozen=True)
class PauseSettings:
    """Open loop at a fixed rate, with the meters of pauses on."""

    repetitions: int
    connections: int
    rate_rps: float
    warmup_s: float
    duration_s: float


@dataclass(frozen=True)
class MillionSettings:
    """As many connections as fit, up to `connections`: a profile with this section runs nothing
    else. `rungs_percent` are shares of the connections, each with its `repetitions`; variants in
    `measured_once` take part in the first of each only. At the rung of `subset_percent` (0: none)
    only `subset_active` of the connections carry traffic. Sessions that are
    made again because they were not valid take `extra_s_max` in all. Meters of pauses are on in the
    sessions of the last rung, with a tick of `meter_tick_ms`; 0: in none.
    """

    connections: int
    rungs_percent: list[int]
    repetitions: list[int]
    measured_once: list[str]
    subset_active: int
    subset_percent: int
    connect_rate_per_s: float
    proof_rate_per_s: float
    rest_s: float
    warmup_s: float
    duration_s: float
    rate_rps: float
    send_lag_p99_us_max: float
    memory_used_bytes_max: int
    memory_available_bytes_min: int
    wall_percent: int
    extra_s_max: float
    meter_tick_ms: int


@dataclass(frozen=True)
class Profile:
    """A whole profile; an experiment that is null is not run."""

    name: str
    description: str
    run: RunSettings
    latency: LatencySettings | None
    efficiency: EfficiencySettings | None
    capacity: CapacitySettings | None
    connect: ConnectSettings | None
    memory: MemorySettings | None
    million: MillionSettings | None
    source: dict[str, Any]
    # The same over WebSocket.
    latency_ws: LatencySettings | None = None
    efficiency_ws: EfficiencySettings | None = None
    memory_ws: MemorySettings | None = None
    pauses: PauseSettings | None = None


_SECTIONS: dict[str, type[Any]] = {
    "run": RunSettings,
    "latency": LatencySettings,
    "efficiency": EfficiencySettings,
    "capacity": CapacitySettings,
    "connect": ConnectSettings,
    "memory": MemorySettings,
    "latency_ws": LatencySettings,
    "efficiency_ws": EfficiencySettings,
    "memory_ws": MemorySettings,
    "pauses": PauseSettings,
    "million": MillionSettings,
}

_Section = TypeVar("_Section")


def profile_names() -> list[str]:
    """Names of the profiles that come with c1m."""
    return sorted(path.stem for path in PROFILE_DIRECTORY.glob("*.toml"))


def read_profile(name: str) -> Profile:
    """A profile by its name, or by the path of a TOML file. Raises UsageError."""
    path = Path(name) if name.endswith(".toml") else PROFILE_DIRECTORY / f"{name}.toml"
    try:
        source = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(profile_names())
        raise UsageError(
            f"--profile: there is no '{name}'; there are: {known}, or a path ending in .toml."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--profile: cannot read {path}: {error}.") from error
    return parse_profile(path.stem, source, str(path))


def parse_profile(name: str, source: dict[str, Any], where: str) -> Profile:
    """A profile from its parsed TOML; `where` stands in error texts."""
    unknown = set(source) - set(_SECTIONS) - {"description"}
    if unknown:
        raise UsageError(f"{where}: unknown section or key: {', '.join(sorted(unknown))}.")
    if "run" not in source:
        raise UsageError(f"{where}: section [run] is missing.")
    sections: dict[str, Any] = {
        section: _read_section(kind, source[section], f"{where}: [{section}]")
        if section in source
        else None
        for section, kind in _SECTIONS.items()
    }
    if all(sections[section] is None for section in _SECTIONS if section != "run"):
        raise UsageError(f"{where}: no experiment; add one of {', '.join(list(_SECTIONS)[1:])}.")
    _check_million(sections, where)
    return Profile(
        name=name, description=str(source.get("description", "")), source=source, **sections
    )


def _check_million(sections: dict[str, Any], where: str) -> None:
    million: MillionSettings | None = sections["million"]
    if million is None:
        return
    place = f"{where}: [million]"
    others = [name for name in _SECTIONS if name not in ("run", "million") and sections[name]]
    if others:
        raise UsageError(f"{place} stands alone, without [{'], ['.join(others)}].")
    if len(million.rungs_percent) != len(million.repetitions):
        raise UsageError(
            f"{place}: rungs_percent has {len(million.rungs_percent)} numbers, repetitions has "
            f"{len(million.repetitions)}."
        )
    if (
        sorted(set(million.rungs_percent)) != million.rungs_percent
        or max(million.rungs_percent[-1], million.wall_percent) > 100
    ):
        raise UsageError(
            f"{place}: rungs_percent must grow, and neither they nor wall_percent exceed 100."
        )
    if million.subset_percent not in (0, *million.rungs_percent[:-1]):
        raise UsageError(
            f"{place}: subset_percent is 0 or one of rungs_percent but the last, where traffic is "
            "over all."
        )
    if million.meter_tick_ms > 1000:
        raise UsageError(f"{place}: meter_tick_ms is at most 1000, a second.")


def _read_section(kind: type[_Section], values: Any, where: str) -> _Section:
    if not isinstance(values, dict):
        raise UsageError(f"{where} is not a table.")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown, missing = set(values) - set(names), set(names) - set(values)
    if unknown:
        raise UsageError(
            f"{where}: unknown key: {', '.join(sorted(unknown))}; there are: {', '.join(names)}."
        )
    if missing:
        raise UsageError(f"{where}: missing key: {', '.join(sorted(missing))}.")
    hints = get_type_hints(kind)
    return kind(**{name: _checked(values[name], hints[name], f"{where} {name}") for name in names})


def _checked(value: Any, hint: Any, where: str) -> Any:
    if hint is int:
        return _number(value, int, where)
    if hint is float:
        return float(_number(value, (int, float), where))
    if hint == list[str]:
        return _variants(value, where)
    if not isinstance(value, list) or not value:
        raise UsageError(f"{where}: needs a list that is not empty.")
    if hint == list[int]:
        return [_number(item, int, where) for item in value]
    if any(not isinstance(item, list) or len(item) != 2 for item in value):
        raise UsageError(f"{where}: needs pairs [connections, requests a second].")
    return [[_number(part, int, where) for part in item] for item in value]


def _variants(value: Any, where: str) -> list[str]:
    unknown = [name for name in value if name not in VARIANTS] if isinstance(value, list) else value
    if unknown:
        raise UsageError(
            f"{where}: {unknown!r}: needs a list of variants, as [] or of {', '.join(VARIANTS)}."
        )
    return list(value)


def _number(value: Any, kinds: Any, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise UsageError(f"{where}: {value!r} is not a number of the right kind.")
    may_be_none = (
        "repetitions_extra_max",
        "subset_percent",
        "warmup_s",
        "extra_s_max",
        "meter_tick_ms",
    )
    if value < 0 or (value == 0 and not where.endswith(may_be_none)):
        raise UsageError(f"{where}: {value} is not above 0.")
    return value
