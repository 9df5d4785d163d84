"""A whole run of the profile: sessions in rungs of ever more connections, walls, the document.

Invariant: variants take turns within a repetition, in an order drawn from the seed; a variant that
has met a wall is measured just below it and goes no higher; one that was outrun by the ramp gets
slower ramps, because connections that only wait in the kernel take memory too; a run that the user
ends is partial.
Not here: one session (session.py), kernel settings (kernel/), files (million_command.py).
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from c1m.cells import Workshop
from c1m.documents import Document
from c1m.million.session import run_session
from c1m.million.slopes import established
from c1m.million.variant_rows import connects_per_s, response_p99_us, used_bytes
from c1m.million.variants import Variant
from c1m.million.walls import MemoryGuard
from c1m.million.watch import SessionPlan
from c1m.profile import MillionSettings, RunSettings

# A variant that meets wall after wall is given up.
_WALLS_MAX = 5
# Checks that a server breaks which has not accepted all connections in time.
_OF_INTAKE = ("proven_alive", "memory_read")
# Reading what a thread's two mappings hold takes time, so the rest is longer by a second for each.
_THREADS_READ_PER_S = 20_000
# A server that had accepted less of what the kernel had established was outrun by the ramp.
_KEPT_UP_FRACTION = 0.95
# The next ramp is slower than the pace at which it had accepted, by this.
_PACE_FRACTION = 0.8


@dataclass(frozen=True)
class _Round:
    """What the sessions of all variants in a round have in common."""

    repetition: int
    choice: str
    seed: int
    meter_tick_ms: int


@dataclass
class MillionRun:
    """Runs the sessions. One object a run."""

    settings: MillionSettings
    run_settings: RunSettings
    variants: list[Variant]
    targets: dict[str, int]  # the most connections that are tried, by variant
    seed: int
    workshop: Workshop
    say: Callable[[str], None]
    sessions: list[Document] = field(default_factory=list)
    walls: list[Document] = field(default_factory=list)
    stopped_by: str | None = None
    _extra_s: float = 0.0  # that sessions which were made again take
    _walls_met: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _paces: dict[str, int] = field(default_factory=dict)  # connects a second, of those outrun

    def run(self) -> None:
        """Every session, from few connections to many."""
        settings = self.settings
        guard = MemoryGuard(settings.memory_used_bytes_max, settings.memory_available_bytes_min)
        for percent, repetitions in zip(settings.rungs_percent, settings.repetitions, strict=True):
            is_subset = percent == settings.subset_percent
            choice = f"active:{settings.subset_active}" if is_subset else "uniform"
            for repetition in range(1, repetitions + 1):
                self._round(percent, repetition, choice, guard)

    def _round(self, percent: int, repetition: int, choice: str, guard: MemoryGuard) -> None:
        settings = self.settings
        source = random.Random(f"{self.seed}/{percent}/{repetition}/{choice}")
        order = list(self.variants)
        source.shuffle(order)
        if repetition > 1:
            order = [each for each in order if each.name not in settings.measured_once]
        # All variants of a round get the same schedule.
        seed = source.randrange(1, 2**31)
        # In the largest sessions only: meters cost a little, and have most to tell there.
        tick_ms = settings.meter_tick_ms if percent == settings.rungs_percent[-1] else 0
        for variant in order:
            self._measure(variant, percent, _Round(repetition, choice, seed, tick_ms), guard)

    def _measure(self, variant: Variant, percent: int, of: _Round, guard: MemoryGuard) -> None:
        """One session; another one just below a wall, or again where one is not valid and the time
        for that is not used up.
        """
        extra = self.run_settings.repetitions_extra_max
        wanted = max(1, self.settings.connections * percent // 100)
        while self.stopped_by is None and self._walls_met[variant.name] < _WALLS_MAX:
            count = min(wanted, self.targets[variant.name])
            if count < 1:
                return
            plan = self._plan(variant, count, of)
            session, stopped = run_session(plan, len(self.sessions), self.workshop, guard, self.say)
            self.sessions.append(session)
            self.say(_one_line(session))
            if stopped:
                self.stopped_by = f"stopped by {self.workshop.stop_request.signal_name}"
            outrun = self._slow_down(session)
            if session["wall"] is not None:
                self._meet(variant, session["wall"], outrun)
                continue
            if session["validity"]["valid"] or extra == 0:
                return
            again_s = self._extra_s + session["duration_s"]  # it will take as long
            if again_s > self.settings.extra_s_max:
                return
            self._extra_s = again_s
            extra -= 1

    def _slow_down(self, session: Document) -> bool:
        """Whether the ramp ran ahead of the server and harmed the session; the next is slower."""
        broken = [each["name"] for each in session["validity"]["checks"] if each["ok"] is False]
        harmed = session["wall"] is not None or any(name in _OF_INTAKE for name in broken)
        pace = session["accepts_per_s"]
        if not harmed or pace is None or not was_outrun(session):
            return False
        self._paces[session["variant"]] = max(1, round(pace * _PACE_FRACTION))
        return True

    def _meet(self, variant: Variant, wall: Document, outrun: bool) -> None:
        self.walls.append({"variant": variant.name, **wall})
        self._walls_met[variant.name] += 1
        if outrun:
            return  # no wall of the server's own; it is tried again
        below = wall["reached"] * self.settings.wall_percent // 100
        fits = self._fits(variant)
        if wall["kind"] == "memory" and fits is not None:
            below = min(below, fits * self.settings.wall_percent // 100)
        # Nothing stood: the limit came before the first connection, and half may fit.
        self.targets[variant.name] = below or wall["wanted"] // 2

    def _fits(self, variant: Variant) -> int | None:
        """How many connections fit below the guard once they have been used, by the largest session
        so far: some cost comes with the first message, and would trip the guard in the proof.
        """
        held = [
            each
            for each in self.sessions
            if each["variant"] == variant.name
            and each["validity"]["memory_valid"]
            and each["memory"]["used_bytes"] is not None
            and each["memory"]["used_before_bytes"] is not None
        ]
        if not held:
            return None
        largest = max(held, key=established)
        before, used = (largest["memory"][name] for name in ("used_before_bytes", "used_bytes"))
        if used <= before:
            return None
        room = self.settings.memory_used_bytes_max - before
        return int(room * established(largest) // (used - before))

    def _plan(self, variant: Variant, count: int, of: _Round) -> SessionPlan:
        settings, run = self.settings, self.run_settings
        active = min(count, settings.subset_active)
        return SessionPlan(
            mode="open",
            connections=count,
            rate_rps=settings.rate_rps,
            message_bytes=run.message_bytes,
            warmup_s=settings.warmup_s,
            duration_s=settings.duration_s,
            timeout_s=run.timeout_s,
            connect_rate_per_s=self._paces.get(variant.name, round(settings.connect_rate_per_s)),
            seed=of.seed,
            cpus=self.workshop.placement.generator,
            protocol="echo",
            variant=variant,
            repetition=of.repetition,
            hold_s=self._hold_s(variant, count),
            choice="uniform" if of.choice == "uniform" else f"active:{active}",
            send_lag_p99_us_max=settings.send_lag_p99_us_max,
            processors=run.server_cpus,
            stats_interval_ms=run.stats_interval_ms,
            meter_tick_ms=of.meter_tick_ms,
        )

    def _hold_s(self, variant: Variant, count: int) -> float:
        hold_s = self.settings.rest_s + count / self.settings.proof_rate_per_s
        return hold_s + (count / _THREADS_READ_PER_S if variant.backend == "threads" else 0.0)

    def invalid_reasons(self) -> list[str]:
        """Why the run as a whole does not stand; nothing when it does."""
        if self.stopped_by:
            return [f"the run ended early: {self.stopped_by}"]
        reasons = []
        for variant in self.variants:
            mine = [each for each in self.sessions if each["variant"] == variant.name]
            good = {_place(each) for each in mine if each["validity"]["valid"]}
            if not good:
                reasons.append(f"{variant.name}: no session is valid")
            # A wall is a result; what was measured below it counts.
            lacking = [each for each in mine if each["wall"] is None and _place(each) not in good]
            for each in lacking:
                why = "; ".join(each["validity"]["invalid_reasons"])
                reasons.append(f"{each['id']}: {why}")
        return reasons


def was_outrun(session: Document) -> bool:
    """Whether the kernel had established clearly more connections than the server had accepted."""
    wall = session["wall"]
    if wall is not None:
        return bool(wall["reached"] < _KEPT_UP_FRACTION * wall["established"])
    last = session["ramp"][-1] if session["ramp"] else None
    if last is None or last["accepted"] is None:
        return False
    return bool(last["accepted"] < _KEPT_UP_FRACTION * last["established"])


def _place(session: Document) -> tuple[int, str, int]:
    """What a session is one try of."""
    return session["connections_wanted"], session["choice"], session["repetition"]


def _one_line(session: Document) -> str:
    """What is said of a session at its end."""
    wall = session["wall"]
    if wall is not None:
        return f"{session['id']}: wall at {wall['reached']:,} connections: {wall['cause']}"
    parts = [f"{established(session):,} connections"]
    if (rate := connects_per_s(session)) is not None:
        parts.append(f"{rate:,.0f} connects/s")
    if (p99 := response_p99_us(session)) is not None:
        parts.append(f"p99 {p99:,.0f} us")
    if (used := used_bytes(session)) is not None:
        parts.append(f"{used / 1e9:.2f} GB of the machine in use")
    if not session["validity"]["valid"]:
        parts.append("not valid: " + "; ".join(session["validity"]["invalid_reasons"]))
    return f"{session['id']}: {', '.join(parts)} ({session['duration_s']:.0f} s)"
