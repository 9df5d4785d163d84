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
from dataclasses import asdict, dataclass, field

from c1m.cells import Workshop
from c1m.documents import Document
from c1m.estimates import median
from c1m.million.session import run_session
from c1m.million.slopes import established, slopes
from c1m.million.variants import FLOOR, Variant
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
    _walls_met: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _paces: dict[str, int] = field(default_factory=dict)  # connects a second, of those outrun

    def run(self) -> None:
        """Every session, from few connections to many."""
        settings = self.settings
        guard = MemoryGuard(settings.memory_used_bytes_max, settings.memory_available_bytes_min)
        for percent, repetitions in zip(settings.rungs_percent, settings.repetitions, strict=True):
            for repetition in range(1, repetitions + 1):
                self._round(percent, repetition, "uniform", guard)
        for repetition in range(1, settings.subset_repetitions + 1):
            self._round(
                settings.rungs_percent[-1], repetition, f"active:{settings.subset_active}", guard
            )

    def _round(self, percent: int, repetition: int, choice: str, guard: MemoryGuard) -> None:
        source = random.Random(f"{self.seed}/{percent}/{repetition}/{choice}")
        order = list(self.variants)
        source.shuffle(order)
        if repetition > 1 or choice != "uniform":
            order = [each for each in order if each.name not in self.settings.measured_once]
        # All variants of a round get the same schedule.
        seed = source.randrange(1, 2**31)
        for variant in order:
            self._measure(variant, percent, repetition, choice, seed, guard)

    def _measure(
        self,
        variant: Variant,
        percent: int,
        repetition: int,
        choice: str,
        seed: int,
        guard: MemoryGuard,
    ) -> None:
        """One session; another one just below a wall, or again where one is not valid."""
        extra = self.run_settings.repetitions_extra_max
        wanted = max(1, self.settings.connections * percent // 100)
        while self.stopped_by is None and self._walls_met[variant.name] < _WALLS_MAX:
            count = min(wanted, self.targets[variant.name])
            if count < 1:
                return
            active = min(count, self.settings.subset_active)
            fitted = choice if choice == "uniform" else f"active:{active}"
            plan = self._plan(variant, count, repetition, fitted, seed)
            session, stopped = run_session(plan, len(self.sessions), self.workshop, guard, self.say)
            self.sessions.append(session)
            self.say(_one_line(session))
            if stopped:
                self.stopped_by = f"stopped by {self.workshop.stop_request.signal_name}"
            outrun = self._slow_down(session)
            if session["wall"] is not None:
                self._meet(variant, session["wall"], outrun)
            elif session["validity"]["valid"] or extra == 0:
                return
            else:
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

    def _plan(
        self, variant: Variant, count: int, repetition: int, choice: str, seed: int
    ) -> SessionPlan:
        settings, run = self.settings, self.run_settings
        return SessionPlan(
            mode="open",
            connections=count,
            rate_rps=settings.rate_rps,
            message_bytes=run.message_bytes,
            warmup_s=settings.warmup_s,
            duration_s=settings.duration_s,
            timeout_s=run.timeout_s,
            connect_rate_per_s=self._paces.get(variant.name, round(settings.connect_rate_per_s)),
            seed=seed,
            cpus=self.workshop.placement.generator,
            protocol="echo",
            variant=variant,
            repetition=repetition,
            hold_s=self._hold_s(variant, count),
            choice=choice,
            send_lag_p99_us_max=settings.send_lag_p99_us_max,
            processors=run.server_cpus,
            stats_interval_ms=run.stats_interval_ms,
        )

    def _hold_s(self, variant: Variant, count: int) -> float:
        hold_s = self.settings.rest_s + count / self.settings.proof_rate_per_s
        return hold_s + (count / _THREADS_READ_PER_S if variant.backend == "threads" else 0.0)

    def summary(self) -> list[Document]:
        """A row a variant: what it reached, and its figures there."""
        rows = []
        for variant in self.variants:
            mine = [each for each in self.sessions if each["variant"] == variant.name]
            valid = [each for each in mine if each["validity"]["valid"]]
            held = [each for each in mine if each["validity"]["memory_valid"]]
            top = max((established(each) for each in held), default=0)
            rows.append(
                {
                    "variant": variant.name,
                    "title": variant.title,
                    "connections": top,
                    "valid_sessions": len(valid),
                    "sessions": len(mine),
                    "connects_per_s": _median_of(valid, top, _connects),
                    "connects_over_floor": self._over_floor(variant, top),
                    "response_p99_us": _median_of(valid, top, _p99),
                    "response_p99_us_subset": _median_of(valid, top, _p99, "active:"),
                    "service_p99_us": _median_of(valid, top, _service),
                    "send_lag_p99_us": _median_of(valid, top, _lag),
                    "used_bytes": _median_of(held, top, _used),
                    "bytes_per_connection": slopes(mine),
                }
            )
        return rows

    def _over_floor(self, variant: Variant, top: int) -> Document | None:
        """Connects a second over the floor's in the same round, median over the rounds."""

        def rounds(name: str) -> dict[tuple[str, int, int], float]:
            return {
                (each["choice"], each["repetition"], established(each)): rate
                for each in self.sessions
                if each["variant"] == name and each["validity"]["valid"]
                if (rate := _connects(each)) is not None and established(each) == top
            }

        mine, floors = rounds(variant.name), rounds(FLOOR)
        ratios = [mine[key] / floors[key] for key in mine if floors.get(key)]
        return _estimate(ratios)

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


def _connects(session: Document) -> float | None:
    """As the server accepted them; where its descriptors cannot be counted, as the generator did.

    Its handshakes say little of a server: the kernel completes them.
    """
    if session["accepts_per_s"] is not None:
        return float(session["accepts_per_s"])
    return session["connect"]["rate_per_s"] if session["connect"] else None


def _p99(session: Document) -> float | None:
    response = (session["latency_us"] or {}).get("response")
    return response["p99"] if response else None


def _service(session: Document) -> float | None:
    service = (session["latency_us"] or {}).get("service")
    return service["p99"] if service else None


def _lag(session: Document) -> float | None:
    lag = (session["latency_us"] or {}).get("send_lag")
    return lag["p99"] if lag else None


def _used(session: Document) -> float | None:
    return session["memory"]["used_bytes"] if session["memory"] else None


def _median_of(
    sessions: list[Document],
    top: int,
    value: Callable[[Document], float | None],
    choice: str = "uniform",
) -> Document | None:
    found = [
        figure
        for each in sessions
        if established(each) == top and each["choice"].startswith(choice)
        if (figure := value(each)) is not None
    ]
    return _estimate(found)


def _estimate(values: list[float]) -> Document | None:
    found = median(values)
    return None if found is None else asdict(found)


def _one_line(session: Document) -> str:
    """What is said of a session at its end."""
    wall = session["wall"]
    if wall is not None:
        return f"{session['id']}: wall at {wall['reached']:,} connections: {wall['cause']}"
    parts = [f"{established(session):,} connections"]
    if (rate := _connects(session)) is not None:
        parts.append(f"{rate:,.0f} connects/s")
    if (p99 := _p99(session)) is not None:
        parts.append(f"p99 {p99:,.0f} us")
    if (used := _used(session)) is not None:
        parts.append(f"{used / 1e9:.2f} GB of the machine in use")
    if not session["validity"]["valid"]:
        parts.append("not valid: " + "; ".join(session["validity"]["invalid_reasons"]))
    return f"{session['id']}: {', '.join(parts)} ({session['duration_s']:.0f} s)"
