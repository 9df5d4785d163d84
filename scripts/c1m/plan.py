"""What a run does and in which order.

Invariant: backends are interleaved: a round runs one cell of every backend, in an order drawn from
the seed, before the next round begins; repetitions of a group are as far apart as the plan allows.
Not here: running (bench.py); extra repetitions, which depend on what was valid.
"""

import random
from dataclasses import dataclass, replace

from c1m.backends import BACKENDS, OTHER_STACKS
from c1m.failure import LimitError
from c1m.load import LoadPlan
from c1m.profile import EfficiencySettings, LatencySettings, MemorySettings, Profile


@dataclass(frozen=True)
class CellPlan(LoadPlan):
    """One run of the generator against one fresh server. On which CPUs is known when it begins."""

    experiment: str
    backend: str
    repetition: int
    settle_s: float
    processors: int
    stats_interval_ms: int
    stacks: str | None = None  # another choice than the backend's default

    def contestants(self, backends: list[str]) -> list[str]:
        """Those of the backends that run in this cell's group."""
        if self.stacks is None:
            return list(backends)
        return [name for name in backends if self.stacks in BACKENDS[name].other_stacks]

    @property
    def group(self) -> str:
        """Cells of one group differ in backend and repetition only (and in rate, in a capacity
        search).
        """
        rate = (
            f"/r{self.rate_rps:g}"
            if self.rate_rps is not None and self.experiment != "capacity"
            else ""
        )
        protocol = "" if self.protocol == "echo" else f"/{self.protocol}"
        stacks = "" if self.stacks is None else f"/{self.stacks}"
        return f"{self.experiment}/c{self.connections}{rate}{protocol}{stacks}"

    @property
    def pause_tick_ms(self) -> int:
        """Both sides measure when they stand still; elsewhere that would cost a little."""
        return 1 if self.experiment == "pauses" else 0

    @property
    def title(self) -> str:
        """For progress lines."""
        rate = f" at {self.rate_rps:g}/s" if self.rate_rps is not None else ""
        protocol = "" if self.protocol == "echo" else " over WebSocket"
        what = f"{self.experiment}{protocol}, {self.connections} connections{rate}"
        stacks = "" if self.stacks is None else f" with {self.stacks} stacks"
        return f"{what}, {self.backend}{stacks}, repetition {self.repetition}"


@dataclass(frozen=True)
class Round:
    """One cell of every backend that takes part, in this order. For capacity: one search of every
    backend, probe by probe.
    """

    cells: list[CellPlan]

    @property
    def experiment(self) -> str:
        """The experiment that all cells of the round share."""
        return self.cells[0].experiment


def templates(profile: Profile) -> list[tuple[CellPlan, int]]:
    """A cell of every group, with backend and repetition still open, and the repetitions it asks
    for.
    """
    blank = _blank(profile)
    found = _latency(blank, profile.latency) + _efficiency(blank, profile.efficiency)
    if (connect := profile.connect) is not None:
        cell = replace(blank, experiment="connect", mode="idle", connections=connect.connections)
        found.append((replace(cell, duration_s=0.25, connect_rate_per_s=0), connect.repetitions))
    found += _memory(blank, profile.memory)
    if (capacity := profile.capacity) is not None:
        cell = replace(
            blank,
            experiment="capacity",
            connections=capacity.connections,
            rate_rps=capacity.start_rps,
        )
        timed = replace(cell, warmup_s=capacity.warmup_s, duration_s=capacity.duration_s)
        found.append((timed, capacity.repetitions))
    if (pauses := profile.pauses) is not None:
        cell = replace(blank, experiment="pauses", connections=pauses.connections)
        timed = replace(
            cell,
            rate_rps=pauses.rate_rps,
            warmup_s=pauses.warmup_s,
            duration_s=pauses.duration_s,
        )
        found.append((timed, pauses.repetitions))
    websocket = replace(blank, protocol="ws")
    found += _latency(websocket, profile.latency_ws)
    found += _efficiency(websocket, profile.efficiency_ws)
    return found + _memory(websocket, profile.memory_ws)


def _blank(profile: Profile) -> CellPlan:
    """What all cells of a profile share."""
    run = profile.run
    return CellPlan(
        experiment="",
        backend="",
        repetition=0,
        mode="open",
        connections=0,
        rate_rps=None,
        message_bytes=run.message_bytes,
        warmup_s=0,
        duration_s=0,
        timeout_s=run.timeout_s,
        connect_rate_per_s=None,
        settle_s=0,
        processors=run.server_cpus,
        stats_interval_ms=run.stats_interval_ms,
        seed=0,
        cpus="",
        protocol="echo",
    )


_Counted = list[tuple[CellPlan, int]]


def _latency(blank: CellPlan, latency: LatencySettings | None) -> _Counted:
    if latency is None:
        return []
    cell = replace(
        blank, experiment="latency", warmup_s=latency.warmup_s, duration_s=latency.duration_s
    )
    return [
        (replace(cell, connections=connections, rate_rps=float(rate)), latency.repetitions)
        for connections, rate in latency.points
    ]


def _efficiency(blank: CellPlan, efficiency: EfficiencySettings | None) -> _Counted:
    if efficiency is None:
        return []
    cell = replace(
        blank, experiment="efficiency", mode="closed", connections=efficiency.connections
    )
    timed = replace(cell, warmup_s=efficiency.warmup_s, duration_s=efficiency.duration_s)
    return [(timed, efficiency.repetitions)]


def _memory(blank: CellPlan, memory: MemorySettings | None) -> _Counted:
    if memory is None:
        return []
    held_s = memory.settle_s + memory.hold_s
    cell = replace(
        blank, experiment="memory", mode="idle", duration_s=held_s, settle_s=memory.settle_s
    )
    # What a waiting connection takes depends on where its frames are, so each choice has a ladder.
    return [
        (replace(cell, connections=rung, stacks=stacks), memory.repetitions)
        for rung in memory.rungs
        for stacks in (None, *OTHER_STACKS)
    ]


def plan_rounds(profile: Profile, backends: list[str], seed: int) -> list[Round]:
    """Every required round: repetition by repetition, group by group."""
    groups = templates(profile)
    return [
        plan_round(cell, backends, repetition, seed)
        for repetition in range(1, max(count for _, count in groups) + 1)
        for cell, count in groups
        if repetition <= count and cell.contestants(backends)
    ]


def plan_round(cell: CellPlan, backends: list[str], repetition: int, seed: int) -> Round:
    """A round of one group. Its order and schedules follow from the seed, the group and the
    repetition.
    """
    source = random.Random(f"{seed}/{cell.group}/{repetition}")
    order = cell.contestants(backends)
    source.shuffle(order)
    # All backends of a round get the same schedule, so that they are asked the same thing.
    schedule_seed = source.randrange(1, 2**31)
    return Round(
        [replace(cell, backend=name, repetition=repetition, seed=schedule_seed) for name in order]
    )


def fit(profile: Profile, connections_max: int, binding: str) -> tuple[Profile, list[str]]:
    """The profile with connection counts reduced to what the machine allows, and a note for each
    reduction.

    Raises LimitError when the machine does not even allow 10 connections.
    """
    if connections_max < 10:
        raise LimitError(
            f"this machine allows {connections_max} connections, by its limit '{binding}'; "
            "see `c1m doctor`."
        )
    notes: list[str] = []

    def reduced(wanted: int, what: str) -> int:
        if wanted <= connections_max:
            return wanted
        notes.append(
            f"{what}: {wanted} connections wanted, {connections_max} made: "
            f"the limit '{binding}' binds."
        )
        return connections_max

    def latency(wanted: LatencySettings | None) -> LatencySettings | None:
        if wanted is None:
            return None
        points = [[reduced(connections, "latency"), rate] for connections, rate in wanted.points]
        return replace(wanted, points=_distinct(points))

    def efficiency(wanted: EfficiencySettings | None) -> EfficiencySettings | None:
        return wanted and replace(wanted, connections=reduced(wanted.connections, "efficiency"))

    def memory(wanted: MemorySettings | None) -> MemorySettings | None:
        if wanted is None:
            return None
        rungs = _distinct([[reduced(rung, "memory")] for rung in wanted.rungs])
        return replace(wanted, rungs=[rung for (rung,) in rungs])

    capacity, connect, pauses = profile.capacity, profile.connect, profile.pauses
    if capacity is not None:
        capacity = replace(capacity, connections=reduced(capacity.connections, "capacity"))
    if connect is not None:
        connect = replace(connect, connections=reduced(connect.connections, "connect"))
    if pauses is not None:
        pauses = replace(pauses, connections=reduced(pauses.connections, "pauses"))
    fitted = replace(
        profile,
        latency=latency(profile.latency),
        efficiency=efficiency(profile.efficiency),
        capacity=capacity,
        connect=connect,
        memory=memory(profile.memory),
        latency_ws=latency(profile.latency_ws),
        efficiency_ws=efficiency(profile.efficiency_ws),
        memory_ws=memory(profile.memory_ws),
        pauses=pauses,
    )
    return fitted, notes


def _distinct(items: list[list[int]]) -> list[list[int]]:
    return [item for index, item in enumerate(items) if item not in items[:index]]
