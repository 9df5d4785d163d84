"""The meters of --pauses, of both sides, as intervals on one time axis.

Invariant: times are CLOCK_MONOTONIC in ns; intervals of a meter are in order and do not overlap,
but for counters of the kernel, whose amount says how much of an interval was lost.
Not here: measuring (the programs do); causes (attribution.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from c1m.documents import Document

SERVER, GENERATOR = "server", "generator"
LOST_TIME_KINDS = ("steal", "throttled", "psi_memory", "psi_io")


@dataclass(frozen=True)
class Stall:
    """An interval, and what the kernel says that the thread did meanwhile (None: not known)."""

    begin_ns: int
    end_ns: int
    amount_ns: int
    cpu_ns: int | None = None
    run_queue_delay_ns: int | None = None
    page_faults_major: int | None = None

    @property
    def length_ns(self) -> int:
        """How long it was."""
        return self.end_ns - self.begin_ns

    def overlap_ns(self, other: "Stall") -> int:
        """How long both lasted at the same time."""
        return max(0, min(self.end_ns, other.end_ns) - max(self.begin_ns, other.begin_ns))

    def covers_half_of(self, other: "Stall") -> bool:
        """Whether it lasted during at least half of the other one."""
        return 2 * self.overlap_ns(other) >= other.length_ns


@dataclass(frozen=True)
class Meter:
    """One meter. A `target` is the number of a shard of the server; None: all of them."""

    side: str
    kind: str
    stalls: tuple[Stall, ...]
    shard: int | None = None
    worker: int | None = None
    cpu: int | None = None
    target: int | None = None

    def during(self, event: Stall) -> list[Stall]:
        """The stalls that overlap an interval."""
        return [stall for stall in self.stalls if stall.overlap_ns(event) > 0]

    def share(self, event: Stall) -> float:
        """Which part of an interval this meter stood still, from 0 to 1."""
        lost_ns = sum(stall.overlap_ns(event) for stall in self.stalls)
        return lost_ns / event.length_ns

    def lost_share(self, event: Stall) -> float:
        """The same of a counter: what it may have lost of the interval, at most all of it."""
        lost_ns = sum(min(stall.amount_ns, stall.overlap_ns(event)) for stall in self.during(event))
        return lost_ns / event.length_ns


def meters_of(document: Document) -> list[Meter]:
    """The meters of a document of --pauses. Targets are numbered in the order of the document,
    which is that of --target.
    """
    found: list[Meter] = []
    targets = 0
    for each in document["meters"]:
        target = None
        if each["kind"] == "silence" and each["target"] is not None:
            target, targets = targets, targets + 1
        found.append(
            Meter(
                document["side"],
                each["kind"],
                tuple(_stall(stall) for stall in each["stalls"]),
                each["shard"],
                each["worker"],
                each["cpu"],
                target,
            )
        )
    return found


def _stall(each: Document) -> Stall:
    return Stall(
        each["begin_ns"],
        each["end_ns"],
        each["amount_ns"],
        each["cpu_ns"],
        each["run_queue_delay_ns"],
        each["page_faults_major"],
    )


def of(meters: Iterable[Meter], side: str, *kinds: str) -> list[Meter]:
    """The meters of a side that are of one of these kinds."""
    return [meter for meter in meters if meter.side == side and meter.kind in kinds]
