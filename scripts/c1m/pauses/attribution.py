"""What a pause is put down to: from the intervals of all meters, a pure function.

A pause is a silence of the service, else of one target, else workers of the server that stood
still without any silence. The longest comes first; what lies in it for the most part is the same
pause. Each has one cause, the first of these that held for at least half of it:

    platform     the sleeping threads on all CPUs of the server woke up late, or the workers
                 concerned were runnable without a CPU
    generator    the generator's own loops, or its CPUs, stood still
    runtime      a memory call or a wait for a lock of the runtime lasted
    all_workers  all workers of the server stood still, of two or more: "STW-like"
    worker       some of them did
    unexplained  nothing did

The platform comes first because whatever it holds up stands still too; the generator before the
server's own, because an answer that nobody reads is no silence of the server; the runtime before
workers, because a worker waits for it.

Invariant: the same meters give the same answer; no pause has two causes.
Not here: reading documents (meters.py), drawing (report/pause_chart.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from c1m.pauses.meters import GENERATOR, LOST_TIME_KINDS, SERVER, Meter, Stall, of

HALF = 0.5
CAUSES = ("platform", "generator", "runtime", "worker", "all_workers", "unexplained")


@dataclass(frozen=True)
class Pause:
    """A pause with its cause; `workers` are (shard, worker) of the server that stood still."""

    event: Stall
    seen_as: str
    cause: str
    detail: str
    workers: tuple[tuple[int, int], ...]


@dataclass
class _Pauses:
    """What has been found so far."""

    meters: list[Meter]
    found: list[Pause] = field(default_factory=list)

    def add_all(self, seen_as: str, candidates: Iterable[tuple[Stall, int | None]]) -> None:
        """Adds those that are no part of a pause found before; the longest first."""
        for event, shard in sorted(candidates, key=lambda each: -each[0].length_ns):
            if not any(pause.event.covers_half_of(event) for pause in self.found):
                self.found.append(_judge(self.meters, seen_as, event, shard))


def attribute(meters: list[Meter], begin_ns: int, end_ns: int, shortest_ns: int = 0) -> list[Pause]:
    """The pauses that begin in a window, in the order of their beginning. Shorter ones than
    `shortest_ns` are none.
    """
    pauses = _Pauses(meters)

    def inside(found: list[Meter]) -> list[tuple[Stall, Meter]]:
        return [
            (stall, meter)
            for meter in found
            for stall in meter.stalls
            if begin_ns <= stall.begin_ns < end_ns and stall.length_ns >= shortest_ns
        ]

    silences = inside(of(meters, GENERATOR, "silence"))
    pauses.add_all("service", [(stall, None) for stall, m in silences if m.target is None])
    pauses.add_all("target", [(stall, m.target) for stall, m in silences if m.target is not None])
    loops = inside(of(meters, SERVER, "loop"))
    pauses.add_all("worker", [(stall, m.shard) for stall, m in loops])
    return sorted(pauses.found, key=lambda pause: pause.event.begin_ns)


def _judge(meters: list[Meter], seen_as: str, event: Stall, shard: int | None) -> Pause:
    loops = of(meters, SERVER, "loop")
    stopped = [meter for meter in loops if meter.share(event) >= HALF]
    cause, detail = (
        _platform(meters, event, stopped)
        or (None if seen_as == "worker" else _generator(meters, event))
        or _runtime(meters, event, shard)
        or _workers(loops, stopped, event)
        or ("unexplained", "no meter stood still")
    )
    workers = tuple((meter.shard or 0, meter.worker or 0) for meter in stopped)
    return Pause(event, seen_as, cause, detail, workers)


def _platform(meters: list[Meter], event: Stall, stopped: list[Meter]) -> tuple[str, str] | None:
    sleepers = of(meters, SERVER, "hiccup")
    if sleepers and all(meter.share(event) >= HALF for meter in sleepers):
        lost = [
            meter.kind
            for meter in of(meters, SERVER, *LOST_TIME_KINDS)
            if meter.lost_share(event) >= HALF
        ]
        return "platform", ", ".join(lost) or "sleeping threads on its CPUs woke up late"
    waits = [_share_of_use(meter, event, "run_queue_delay_ns") for meter in stopped]
    if waits and min(waits) >= HALF:
        return "platform", "workers were runnable without a CPU"
    return None


def _generator(meters: list[Meter], event: Stall) -> tuple[str, str] | None:
    for kind, words in (("hiccup", "its CPUs"), ("loop", "its loops")):
        found = of(meters, GENERATOR, kind)
        if found and all(meter.share(event) >= HALF for meter in found):
            return "generator", f"{words} stood still"
    return None


def _runtime(meters: list[Meter], event: Stall, shard: int | None) -> tuple[str, str] | None:
    for kind, words in (("memory_call", "a memory call"), ("lock_wait", "a wait for a lock")):
        for meter in of(meters, SERVER, kind):
            if shard in (None, meter.shard) and meter.share(event) >= HALF:
                return "runtime", f"{words} of shard {meter.shard} lasted"
    return None


def _workers(loops: list[Meter], stopped: list[Meter], event: Stall) -> tuple[str, str] | None:
    if not stopped:
        return None
    cause = "all_workers" if len(stopped) == len(loops) >= 2 else "worker"
    if min(_share_of_use(meter, event, "cpu_ns") for meter in stopped) >= HALF:
        return cause, "on a CPU all the while"
    faults = sum(stall.page_faults_major or 0 for meter in stopped for stall in meter.during(event))
    return cause, f"{faults} page faults from disk" if faults else "stopped or blocked"


def _share_of_use(meter: Meter, event: Stall, name: str) -> float:
    """Which part of its stalls during the event a worker spent so; 0 where it is not known."""
    stalls = meter.during(event)
    used_ns = sum(getattr(stall, name) or 0 for stall in stalls)
    return used_ns / max(1, sum(stall.length_ns for stall in stalls))
