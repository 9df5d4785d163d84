"""What a run does and in which order.

Invariant: backends are interleaved: a round runs one cell of every backend, in an order drawn from
the seed, before the next round begins; repetitions of a group are as far apart as the plan allows.
Not here: running (bench.py); extra repetitions, which depend on what was valid.
"""

import random
from dataclasses import dataclass, replace

from c1m.failure import LimitError
from c1m.load import LoadPlan
from c1m.profile import Profile


@dataclass(frozen=True)
class CellPlan(LoadPlan):
    """One run of the generator against one fresh server. On which CPUs is known when it begins."""

    experiment: str
    backend: str
    repetition: int
    settle_s: float
    processors: int
    stats_interval_ms: int

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
        return f"{self.experiment}/c{self.connections}{rate}"

    @property
    def title(self) -> str:
        """For progress lines."""
        rate = f" at {self.rate_rps:g}/s" if self.rate_rps is not None else ""
        what = f"{self.experiment}, {self.connections} connections{rate}"
        return f"{what}, {self.backend}, repetition {self.repetition}"


@dataclass(frozen=True)
class Round:
    """One cell of every backend, in this order. For capacity: one search of every backend, probe by
    probe.
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
    run = profile.run
    blank = CellPlan(
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
    )
    found: list[tuple[CellPlan, int]] = []
    if (latency := profile.latency) is not None:
        for connections, rate in latency.points:
            cell = replace(
                blank, experiment="latency", connections=connections, rate_rps=float(rate)
            )
            timed = replace(cell, warmup_s=latency.warmup_s, duration_s=latency.duration_s)
            found.append((timed, latency.repetitions))
    if (efficiency := profile.efficiency) is not None:
        cell = replace(
            blank, experiment="efficiency", mode="closed", connections=efficiency.connections
        )
        timed = replace(cell, warmup_s=efficiency.warmup_s, duration_s=efficiency.duration_s)
        found.append((timed, efficiency.repetitions))
    if (connect := profile.connect) is not None:
        cell = replace(blank, experiment="connect", mode="idle", connections=connect.connections)
        found.append((replace(cell, duration_s=0.25, connect_rate_per_s=0), connect.repetitions))
    if (memory := profile.memory) is not None:
        for rung in memory.rungs:
            cell = replace(blank, experiment="memory", mode="idle", connections=rung)
            held = replace(
                cell, duration_s=memory.settle_s + memory.hold_s, settle_s=memory.settle_s
            )
            found.append((held, memory.repetitions))
    if (capacity := profile.capacity) is not None:
        cell = replace(
            blank,
            experiment="capacity",
            connections=capacity.connections,
            rate_rps=capacity.start_rps,
        )
        timed = replace(cell, warmup_s=capacity.warmup_s, duration_s=capacity.duration_s)
        found.append((timed, capacity.repetitions))
    return found


def plan_rounds(profile: Profile, backends: list[str], seed: int) -> list[Round]:
    """Every required round: repetition by repetition, group by group."""
    groups = templates(profile)
    return [
        plan_round(cell, backends, repetition, seed)
        for repetition in range(1, max(count for _, count in groups) + 1)
        for cell, count in groups
        if repetition <= count
    ]


def plan_round(cell: CellPlan, backends: list[str], repetition: int, seed: int) -> Round:
    """A round of one group. Its order and schedules follow from the seed, the group and the
    repetition.
    """
    source = random.Random(f"{seed}/{cell.group}/{repetition}")
    order = list(backends)
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

    latency, efficiency, capacity = profile.latency, profile.efficiency, profile.capacity
    connect, memory = profile.connect, profile.memory
    if latency is not None:
        points = [[reduced(connections, "latency"), rate] for connections, rate in latency.points]
        latency = replace(latency, points=_distinct(points))
    if efficiency is not None:
        efficiency = replace(efficiency, connections=reduced(efficiency.connections, "efficiency"))
    if capacity is not None:
        capacity = replace(capacity, connections=reduced(capacity.connections, "capacity"))
    if connect is not None:
        connect = replace(connect, connections=reduced(connect.connections, "connect"))
    if memory is not None:
        rungs = _distinct([[reduced(rung, "memory")] for rung in memory.rungs])
        memory = replace(memory, rungs=[rung for (rung,) in rungs])
    fitted = replace(
        profile,
        latency=latency,
        efficiency=efficiency,
        capacity=capacity,
        connect=connect,
        memory=memory,
    )
    return fitted, notes


def _distinct(items: list[list[int]]) -> list[list[int]]:
    return [item for index, item in enumerate(items) if item not in items[:index]]
