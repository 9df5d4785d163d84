"""What is seen of a running session: its progress, the guard, the server's shortages, its memory.

Invariant: memory is read once, when the generator has said for a while that nothing is on its way;
a ramp is ended by a sentence that says why. What a server has accepted is the kernel's word: the
growth of its open descriptors; the generator sees handshakes, which the kernel completes ahead of
the server, as many as its queues hold.
Threads: called by the one that waits for the generator.
Not here: the course of a session (session.py).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from c1m.child import Child
from c1m.documents import Document
from c1m.load import LoadPlan, duration_text
from c1m.million.footprint import (
    available_bytes,
    children_of,
    kernel_growth,
    open_descriptors,
    read_host,
    read_side,
)
from c1m.million.variants import Variant
from c1m.million.walls import MemoryGuard
from c1m.server import Server

_PROGRESS = re.compile(r"^c1m-load: (\S+) \d+ %: (\d+) of \d+ connections, (\d+) answers/s")
_STATS_EVERY_S = 1.0
_SAY_EVERY_S = 5.0
# So long after the last answer of the proof memory is read.
_QUIET_S = 1.5


@dataclass(frozen=True)
class SessionPlan(LoadPlan):
    """A run of the generator with a hold, against a variant."""

    variant: Variant
    repetition: int
    hold_s: float
    choice: str
    send_lag_p99_us_max: float
    processors: int
    stats_interval_ms: int
    meter_tick_ms: int  # of the meters of pauses; 0: they are off

    @property
    def pause_tick_ms(self) -> int:
        """Tick of the meters of pauses of both sides; 0: they are off."""
        return self.meter_tick_ms

    @property
    def bound_s(self) -> float:
        """How long a run may take before it is held to be stuck."""
        return super().bound_s + self.hold_s + self.grace_s

    @property
    def more_flags(self) -> list[str]:
        """The hold, which connections carry traffic, and progress in lines."""
        hold = ["--hold", duration_text(self.hold_s), "--choose", self.choice]
        lag = ["--max-send-lag-p99", f"{self.send_lag_p99_us_max:g}us"]
        return [*hold, *lag, "--progress", "always"]

    @property
    def title(self) -> str:
        """For progress lines."""
        return f"{self.variant.name}, {self.connections:,} connections"


@dataclass
class Intake:
    """How a server takes connections in: its open descriptors over time."""

    accepted: int | None = None
    _first: tuple[float, int] | None = None  # when, and how many, where there were some
    _last: tuple[float, int] | None = None  # since when there are so many

    def note(self, now: float, accepted: int) -> None:
        """`accepted` connections are held at `now`, in seconds of a steady clock."""
        self.accepted = accepted
        if self._first is None and accepted > 0:
            self._first = (now, accepted)
        if self._last is None or accepted > self._last[1]:
            self._last = (now, accepted)

    def complete(self, connections: int) -> bool:
        """Whether all of so many have been accepted."""
        return self.accepted is not None and self.accepted >= connections

    def per_s(self) -> float | None:
        """Connections a second that were accepted, from the first look that found some to the one
        that found the last; None when that was one and the same, or descriptors cannot be read.
        """
        if self._first is None or self._last is None or self._first[0] == self._last[0]:
            return None
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])


@dataclass
class Watch:
    """What is seen of a running session: progress, the guard, the server's shortages, memory."""

    plan: SessionPlan
    server: Server
    guard: MemoryGuard
    say: Callable[[str], None]
    load_log: Path
    before: Document
    root: Path = Path("/")
    load: Child | None = None
    ramp: list[Document] = field(default_factory=list)
    memory: Document | None = None
    read_ns: tuple[int, int] | None = None
    guarded: bool = False
    used_bytes: int | None = None  # of the machine's memory, when the ramp was ended
    descriptors_before: int | None = None  # of the server, when it had no connection
    intake: Intake = field(default_factory=Intake)
    _began: float = field(default_factory=time.monotonic)
    _stats_at: float = 0.0
    _said_at: float = 0.0
    _quiet_since: float | None = None
    _log_bytes: int = 0

    def started(self, load: Child) -> None:
        """The generator's process is there."""
        self.load = load
        self._began = time.monotonic()

    def observe(self) -> str | None:
        """Called a few times a second; why the ramp has to end, or nothing."""
        now = time.monotonic()
        self._note_accepted(now)
        reason = self.guard.trips()
        self.guarded = reason is not None
        if reason is None and now - self._stats_at > _STATS_EVERY_S:
            self._stats_at = now
            reason = self._shortage()
        if reason is not None:
            self._note_end()
        else:
            self._follow(now)
        return reason

    def _shortage(self) -> str | None:
        """A sentence when the server has had to refuse a connection."""
        total = self.server.latest_total()
        refused = total["accept_errors"] if total else 0
        text = f"{self.server.child.name} has had to refuse {refused} connections"
        return text if refused else None

    def _note_end(self) -> None:
        self.used_bytes = (available_bytes(self.root) or (None, None))[0]

    def _note_accepted(self, now: float) -> None:
        """The kernel's word, until all have been accepted: stats lines come late from a server that
        has no CPU time to spare.
        """
        if self.intake.complete(self.plan.connections):
            return
        count = open_descriptors(self.root, self.server.shard_pids)
        if count is not None and self.descriptors_before is not None:
            self.intake.note(now, count - self.descriptors_before)

    def _follow(self, now: float) -> None:
        size, line = _last_line(self.load_log)
        seen = _PROGRESS.match(line)
        if seen is None or size == self._log_bytes:
            return
        self._log_bytes = size
        phase, established, answers = seen[1], int(seen[2]), int(seen[3])
        if phase == "connecting":
            self._note_ramp(now, established)
        if now - self._said_at > _SAY_EVERY_S:
            self._said_at = now
            pace = self._pace() if phase == "connecting" else ""
            self.say(f"{self.plan.title}: {phase}, {established:,} stand{pace}")
        quiet = phase == "holding" and answers == 0 and established == self.plan.connections
        if not quiet:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif self.memory is None and now - self._quiet_since > _QUIET_S:
            self._read_memory()

    def _note_ramp(self, now: float, established: int) -> None:
        seen = {
            "t_s": round(now - self._began, 2),
            "established": established,
            "accepted": self.intake.accepted,
        }
        self.ramp.append(seen)

    def _pace(self) -> str:
        if len(self.ramp) < 2:
            return ""
        before, last = self.ramp[-2:]
        passed_s = max(0.01, last["t_s"] - before["t_s"])
        return f", {(last['established'] - before['established']) / passed_s:,.0f} connects/s"

    def _read_memory(self) -> None:
        began_ns = time.monotonic_ns()
        assert self.load is not None
        held = read_host(self.root)
        kernel = kernel_growth(self.before, held)
        server = read_side(self.root, self.server.shard_pids)
        client = read_side(self.root, children_of(self.root, self.load.pid))
        self.memory = {
            "server": server,
            "client": client,
            "kernel": kernel,
            "other_bytes": other_growth(self.before, held, kernel, server, client),
            "used_bytes": held["used_bytes"],
            "used_before_bytes": self.before["used_bytes"],
        }
        self.read_ns = (began_ns, time.monotonic_ns())


def other_growth(
    before: Document,
    held: Document,
    kernel: Document,
    server: Document | None,
    client: Document | None,
) -> int | None:
    """What the machine's memory, free and page cache apart, has grown by that is in no other
    figure; may be below 0, because other programs come and go. None where one of the figures is.
    """
    parts = [kernel["total_bytes"], kernel["watchers_bytes"]]
    parts += [side["pss_bytes"] if side else None for side in (server, client)]
    if None in [*parts, before["allocated_bytes"], held["allocated_bytes"]]:
        return None
    return int(held["allocated_bytes"] - before["allocated_bytes"] - sum(parts))


def _last_line(path: Path) -> tuple[int, str]:
    """How long a log is, and its last whole line; only its end is read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 1024))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return 0, ""
    return size, lines[-2] if len(lines) > 1 else ""
