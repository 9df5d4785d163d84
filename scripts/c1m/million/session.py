"""One session: a fresh server, connections up to a number, and what was seen of both.

Its parts: ramp (paced), a proof that each connection is alive, rest (in which memory is read),
warm-up, window of open-loop traffic, teardown. c1m-load does them in one run (--hold). Meters of
pauses are on where the plan says so.

Invariant: run_session() ends both programs and returns a session, whatever happens; a ramp that
cannot go on ends with a wall that names its cause, and never by exhausting the machine.
Not here: which sessions there are (million_run.py); memory (footprint.py).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from c1m.cells import Workshop, utc_now
from c1m.documents import Document
from c1m.failure import CommandError
from c1m.layout import display_path
from c1m.load import LoadOutcome, run_load
from c1m.million.footprint import (
    available_bytes,
    open_descriptors,
    read_host,
)
from c1m.million.walls import MemoryGuard, wall_of
from c1m.million.watch import SessionPlan, Watch
from c1m.pauses.pause_summary import summarize_pauses
from c1m.server import Server, ServerPlan, StopRequestedError
from c1m.stop_request import deadline_in, remaining_s

# What memory at rest stands on. The other checks are about the traffic that comes after it, whose
# figures alone they spoil.
_OF_MEMORY = frozenset(
    {
        "nothing_corrupt",
        "established_at_start",
        "proven_alive",
        "no_shard_died",
        "release_build",
        "same_commit",
        "memory_read",
    }
)
# What a session's time is made of; reading what both programs left is the rest.
PARTS = ("settle", "start", "ramp", "hold", "traffic", "teardown")
_BLOCKS = ("window", "connections", "connect", "rate_rps", "counts", "latency_us", "generator")
# Memory has settled when so little more is freed in a step.
_SETTLED_BYTES = 16 * 1024 * 1024
_SETTLE_STEP_S = 0.5
_SETTLE_MAX_S = 30.0


@dataclass
class _Trace:
    """What a session has left so far."""

    server: Server | None = None
    watch: Watch | None = None
    outcome: LoadOutcome | None = None
    failure: str | None = None
    stopped: bool = False
    ready_s: float = 0.0
    settle_s: float = 0.0
    load_ended_ns: int = 0
    server_stop_s: float = 0.0
    pauses: Document | None = None
    no_pauses: str | None = None


def run_session(
    plan: SessionPlan,
    order: int,
    workshop: Workshop,
    guard: MemoryGuard,
    say: Callable[[str], None],
) -> tuple[Document, bool]:
    """The session's entry of the document, and whether the user asked for an end."""
    identity = f"{order:03d}-{plan.variant.name}-c{plan.connections}-{plan.repetition}"
    directory = workshop.directory / identity
    started, started_utc = time.monotonic(), utc_now()
    _let_memory_settle(workshop)
    before, trace = read_host(Path("/")), _Trace(settle_s=time.monotonic() - started)
    try:
        _measure(plan, workshop, directory, trace, guard, say, before)
    except StopRequestedError:
        trace.stopped = True
    except CommandError as failure:
        trace.failure = failure.text
    except OSError as error:
        trace.failure = f"{error.filename or 'a system call'}: {error.strerror or error}"
    finally:
        _stop_server(trace)
    if plan.measures_pauses:
        _read_pauses(trace)
    trace.stopped = trace.stopped or workshop.stop_request.signal_name is not None
    session = _describe(plan, identity, trace, directory)
    session["started_utc"] = started_utc
    session["duration_s"] = round(time.monotonic() - started, 3)
    if trace.failure is not None and not trace.stopped:
        document = trace.outcome.document if trace.outcome else None
        cause, watch = _cause(trace, directory), trace.watch
        accepted, used = (watch.intake.accepted, watch.used_bytes) if watch else (None, None)
        session["wall"] = wall_of(cause, plan.connections, document, accepted, used)
    return session, trace.stopped


def _let_memory_settle(workshop: Workshop) -> None:
    """Waits until the kernel has taken back what the session before held, within a bound.

    Threads and sockets that have ended are freed later; until then they would count as this
    session's baseline, and bring the guard down on it.
    """
    used = (available_bytes(Path("/")) or (0, 0))[0]
    deadline = deadline_in(_SETTLE_MAX_S)
    while remaining_s(deadline) > 0 and workshop.stop_request.signal_name is None:
        workshop.stop_request.sleep(_SETTLE_STEP_S)
        before, used = used, (available_bytes(Path("/")) or (0, 0))[0]
        if before - used < _SETTLED_BYTES:
            return


def _measure(
    plan: SessionPlan,
    workshop: Workshop,
    directory: Path,
    trace: _Trace,
    guard: MemoryGuard,
    say: Callable[[str], None],
    before: Document,
) -> None:
    server_plan = ServerPlan(
        plan.variant.backend,
        plan.connections,
        workshop.placement.server,
        plan.processors,
        plan.stats_interval_ms,
        plan.protocol,
        plan.variant.flags,
        plan.pause_tick_ms,
    )
    began = time.monotonic()
    trace.server = Server(server_plan, workshop.programs, directory, workshop.stop_request)
    trace.server.wait_ready()
    trace.ready_s = time.monotonic() - began
    trace.watch = Watch(plan, trace.server, guard, say, directory / "load.log", before)
    trace.watch.descriptors_before = open_descriptors(Path("/"), trace.server.shard_pids)
    trace.outcome = run_load(
        plan,
        trace.server,
        workshop.programs,
        directory,
        workshop.stop_request,
        trace.watch.observe,
        trace.watch.started,
    )
    trace.load_ended_ns = time.monotonic_ns()
    trace.failure = trace.outcome.failure


def _stop_server(trace: _Trace) -> None:
    if trace.server is None:
        return
    began = time.monotonic()
    complaint = trace.server.stop()
    trace.server_stop_s = time.monotonic() - began
    if complaint is not None:
        trace.failure = complaint if trace.failure is None else f"{complaint}; {trace.failure}"


def _read_pauses(trace: _Trace) -> None:
    """Puts both sides' meters together, or says why not. Of a session that ended early there is
    nothing to say: its window is torn.
    """
    outcome = trace.outcome
    if trace.failure is not None or trace.server is None or outcome is None:
        return
    if outcome.document is None or outcome.document["stopped_by"] is not None:
        return
    try:
        server = trace.server.pauses(outcome.document["window"])
    except CommandError as failure:
        trace.no_pauses = failure.text
        return
    trace.no_pauses = outcome.no_pauses
    if outcome.pauses is not None:
        trace.pauses = summarize_pauses(server, outcome.pauses, outcome.document)


def _cause(trace: _Trace, directory: Path) -> str:
    """One sentence: what the guard, the server or the generator said."""
    cause = trace.failure or ""
    if trace.watch is not None and trace.watch.guarded:
        return cause
    try:
        lines = (directory / "server.log").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return cause
    # What the server said on its way, but not that it listens.
    said = [line.strip() for line in lines if line.strip() and " listening, from " not in line]
    new = [line for line in said[:2] if line not in cause]
    return "; ".join([*new, cause])[:1000]


def _describe(plan: SessionPlan, identity: str, trace: _Trace, directory: Path) -> Document:
    document = trace.outcome.document if trace.outcome else None
    watch = trace.watch
    session: Document = {
        "id": identity,
        "variant": plan.variant.name,
        "backend": plan.variant.backend,
        "connections_wanted": plan.connections,
        "repetition": plan.repetition,
        "choice": plan.choice,
        "rate_wanted_rps": plan.rate_rps,
        "connect_rate_wanted_per_s": plan.connect_rate_per_s,
        "hold_s": plan.hold_s,
        "warmup_s": plan.warmup_s,
        "seed": plan.seed,
        "started_utc": "",
        "duration_s": 0.0,
        "commands": {
            "server": trace.server.child.command if trace.server else [],
            "load": trace.outcome.command if trace.outcome else [],
        },
        "builds": {
            "server": trace.server.build if trace.server else None,
            "load": {key: document[key] for key in ("version", "commit", "preset", "dirty")}
            if document
            else None,
        },
        "shards": len(trace.server.shard_pids) if trace.server and trace.server.ready else 0,
        "ramp": watch.ramp if watch else [],
        "accepts_per_s": _rounded(watch.intake.per_s()) if watch else None,
        "memory": watch.memory if watch else None,
        "parts_s": _parts(plan, trace, document),
        "pauses": trace.pauses,
        "wall": None,
        "directory": display_path(directory),
    }
    for name in _BLOCKS:
        session[name] = document[name] if document else None
    session["validity"] = _validity(session, document, plan, trace)
    return session


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def _parts(plan: SessionPlan, trace: _Trace, document: Document | None) -> Document:
    """How long each part took; null for a part that was not reached."""
    parts: Document = dict.fromkeys(PARTS)
    parts["settle"] = round(trace.settle_s, 3)
    parts["start"] = round(trace.ready_s, 3)
    if document is None:
        return parts
    connect, window = document["connect"], document["window"]
    if connect["rate_per_s"]:
        parts["ramp"] = round(document["connections"]["established"] / connect["rate_per_s"], 3)
    if document["stopped_by"] is None:
        parts["hold"] = plan.hold_s
        parts["traffic"] = round(plan.warmup_s + window["duration_s"], 3)
        closing_s = (trace.load_ended_ns - window["end_monotonic_ns"]) / 1e9
        parts["teardown"] = round(closing_s + trace.server_stop_s, 3)
    return parts


def _validity(
    session: Document, document: Document | None, plan: SessionPlan, trace: _Trace
) -> Document:
    checks = list(document["validity"]["checks"]) if document else []
    builds = [build for build in session["builds"].values() if build]
    known = len(builds) == 2
    release = all(build["preset"] == "release" for build in builds) if known else None
    same = len({build["commit"] for build in builds}) == 1 if known else None
    checks += [
        _check("release_build", release, "Both programs were built with the release preset."),
        _check("same_commit", same, "Server and generator were built from one commit."),
        _check(
            "memory_read",
            _read_at_rest(plan, trace, document),
            "Memory was read after the last answer of the proof and before the warm-up.",
        ),
    ]
    if plan.measures_pauses:
        text = trace.no_pauses or "Both sides left what their meters of pauses saw."
        known = trace.pauses is not None or trace.no_pauses is not None
        checks.append(_check("pauses_read", trace.pauses is not None if known else None, text))
    broken = [check for check in checks if check["ok"] is False]
    reasons = [f"{check['name']}: {check['explanation']}" for check in broken]
    ended_well = document is not None and trace.failure is None and not trace.stopped
    if trace.failure is not None:
        reasons.append(f"the session ended early: {trace.failure}")
    if trace.stopped:
        reasons.append("the user asked for an end")
    return {
        "valid": document is not None and not reasons,
        "memory_valid": ended_well and all(check["name"] not in _OF_MEMORY for check in broken),
        "invalid_reasons": reasons,
        "checks": checks,
    }


def _read_at_rest(plan: SessionPlan, trace: _Trace, document: Document | None) -> bool | None:
    watch = trace.watch
    if document is None or watch is None:
        return None
    memory = watch.memory
    if memory is None or watch.read_ns is None:
        return False
    traffic_ns = document["window"]["start_monotonic_ns"] - int(plan.warmup_s * 1e9)
    complete = memory["server"] is not None and memory["client"] is not None
    return complete and watch.read_ns[1] <= traffic_ns


def _check(name: str, ok: bool | None, text: str) -> Document:
    return {
        "name": name,
        "value": None if ok is None else float(ok),
        "bound": 1.0,
        "unit": "yes or no",
        "ok": ok,
        "explanation": text,
    }
