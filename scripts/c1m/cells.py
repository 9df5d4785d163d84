"""Runs one cell: a fresh server, one run of the generator, and what both left, for run.json.

Invariant: whatever happens, run_cell() ends both programs and returns a cell; a cell in which
something died or got stuck is partial, not valid, and carries the sentence that says so.
Not here: the order of cells (plan.py), the verdict on a run (verdict.py).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from c1m.documents import Document
from c1m.failure import CommandError
from c1m.layout import Programs
from c1m.load import LoadOutcome, run_load
from c1m.memory_probe import MemoryProbe
from c1m.pauses.pause_block import pause_block
from c1m.placement import Placement
from c1m.plan import CellPlan
from c1m.server import Server, ServerPlan, StopRequestedError
from c1m.server_figures import server_figures
from c1m.stop_request import StopRequest


@dataclass(frozen=True)
class Workshop:
    """What every cell of a run needs: programs, CPUs, a place for files, the wish to stop."""

    programs: Programs
    placement: Placement
    directory: Path
    stop_request: StopRequest


@dataclass
class _Trace:
    """What a cell has left so far."""

    server: Server | None = None
    outcome: LoadOutcome | None = None
    failure: str | None = None
    memory: MemoryProbe | None = None


def utc_now() -> str:
    """The wall clock in the form of all documents."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def cell_id(plan: CellPlan, order: int) -> str:
    """Unique in a run, and a file name."""
    rate = f"-r{plan.rate_rps:g}" if plan.rate_rps is not None else ""
    protocol = "" if plan.protocol == "echo" else f"-{plan.protocol}"
    stacks = "" if plan.stacks is None else f"-{plan.stacks}"
    what = f"{plan.experiment}{protocol}{stacks}-c{plan.connections}{rate}"
    return f"{order:03d}-{what}-{plan.backend}-{plan.repetition}"


def run_cell(plan: CellPlan, order: int, workshop: Workshop) -> tuple[Document, str | None]:
    """The cell's entry of run.json, and a sentence when the run cannot go on after it."""
    identity = cell_id(plan, order)
    directory = workshop.directory / identity
    started, started_utc = time.monotonic(), utc_now()
    trace = _Trace()
    try:
        _measure(plan, workshop, directory, trace)
    except StopRequestedError:
        trace.failure = f"stopped by {workshop.stop_request.signal_name}"
    except CommandError as failure:
        trace.failure = failure.text
    except OSError as error:
        trace.failure = f"{error.filename or 'a system call'}: {error.strerror or error}"
    finally:
        _stop_server(trace)
    cell = _describe(plan, identity, order, workshop, trace)
    cell["started_utc"], cell["duration_s"] = started_utc, round(time.monotonic() - started, 3)
    return cell, trace.failure


def _measure(plan: CellPlan, workshop: Workshop, directory: Path, trace: _Trace) -> None:
    server_plan = ServerPlan(
        plan.backend,
        plan.connections,
        workshop.placement.server,
        plan.processors,
        plan.stats_interval_ms,
        plan.protocol,
        () if plan.stacks is None else ("--stacks", plan.stacks),
        pause_tick_ms=plan.pause_tick_ms,
    )
    trace.server = Server(server_plan, workshop.programs, directory, workshop.stop_request)
    trace.server.wait_ready()
    load_plan = replace(plan, cpus=workshop.placement.generator)
    observe: Callable[[], None] = _nothing
    if plan.experiment == "memory":
        trace.memory = MemoryProbe(trace.server.shard_pids)
        trace.memory.baseline()
        observe = trace.memory.observe
    trace.outcome = run_load(
        load_plan, trace.server, workshop.programs, directory, workshop.stop_request, observe
    )
    trace.failure = trace.outcome.failure or trace.outcome.no_pauses


def _nothing() -> None:
    """Most experiments observe nothing beside the two programs."""


def _stop_server(trace: _Trace) -> None:
    if trace.server is None:
        return
    complaint = trace.server.stop()
    if complaint is None:
        return
    # A dead server is the cause of whatever the generator complained about, so it is named first.
    trace.failure = complaint if trace.failure is None else f"{complaint}; {trace.failure}"


def _describe(
    plan: CellPlan, identity: str, order: int, workshop: Workshop, trace: _Trace
) -> Document:
    document = trace.outcome.document if trace.outcome else None
    lines = _stats(trace)
    window = document["window"] if document else None
    pauses = _pauses(trace, window) if plan.measures_pauses else None
    cell: Document = {
        "id": identity,
        "order": order,
        "group": plan.group,
        "backend": plan.backend,
        "protocol": plan.protocol,
        "stacks": plan.stacks,
        "experiment": plan.experiment,
        "repetition": plan.repetition,
        "mode": plan.mode,
        "started_utc": "",
        "duration_s": 0.0,
        "partial": trace.failure is not None or bool(document and document["partial"]),
        "stopped_by": trace.failure or (document["stopped_by"] if document else None),
        "settings": _settings(plan, workshop.placement),
        "commands": {
            "server": trace.server.child.command if trace.server else [],
            "load": trace.outcome.command if trace.outcome else [],
        },
        "builds": {
            "server": trace.server.build if trace.server else None,
            "load": _build(document),
        },
    }
    for name in (
        "window",
        "connections",
        "connect",
        "rate_rps",
        "counts",
        "latency_us",
        "generator",
        "host",
    ):
        cell[name] = document[name] if document else None
    cell["timeline"] = document["timeline"] if document else []
    cell["websocket"] = document.get("websocket") if document else None
    message_bytes = plan.message_bytes if plan.protocol == "echo" else None
    cell["server"] = server_figures(lines, window, message_bytes)
    cell["kernel_memory"] = None
    if trace.memory is not None:
        _add_memory(cell, trace.memory, plan.settle_s)
    cell["probe"] = None
    cell["pauses"] = pauses
    cell["validity"] = _validity(cell, document, plan, workshop.placement, lines)
    return cell


def _add_memory(cell: Document, memory: MemoryProbe, settle_s: float) -> None:
    """Puts the readings after settling into a memory cell; none without a window."""
    window = cell["window"] or {"start_monotonic_ns": 0, "end_monotonic_ns": 0}
    start_ns = window["start_monotonic_ns"] + int(settle_s * 1e9)
    cell["kernel_memory"] = memory.kernel(start_ns, window["end_monotonic_ns"])
    server = cell["server"]
    server["pss_bytes"] = memory.user_bytes(start_ns, window["end_monotonic_ns"])
    server["unavailable"].pop("pss_bytes", None)
    if server["pss_bytes"] is None:
        server["unavailable"]["pss_bytes"] = "no reading of smaps_rollup after settling"


def _stats(trace: _Trace) -> list[Document]:
    if trace.server is None:
        return []
    try:
        return trace.server.stats()
    except CommandError as failure:
        trace.failure = trace.failure or failure.text
        return []


def _pauses(trace: _Trace, window: Document | None) -> Document | None:
    if trace.server is None or trace.outcome is None or window is None:
        return None
    try:
        server = trace.server.pauses(window)
    except CommandError as failure:
        trace.failure = trace.failure or failure.text
        return None
    generator = trace.outcome.pauses
    return pause_block(server.document, generator.document, window) if generator else None


def _settings(plan: CellPlan, placement: Placement) -> Document:
    return {
        "connections": plan.connections,
        "rate_rps": plan.rate_rps,
        "message_bytes": plan.message_bytes,
        "warmup_s": plan.warmup_s,
        "duration_s": plan.duration_s,
        "connect_rate_per_s": plan.connect_rate_per_s,
        "processors": plan.processors,
        "seed": plan.seed,
        "timeout_s": plan.timeout_s,
        "settle_s": plan.settle_s,
        "server_cpus": placement.server,
        "generator_cpus": placement.generator,
    }


def _build(document: Document | None) -> Document | None:
    return (
        {key: document[key] for key in ("version", "commit", "preset", "dirty")}
        if document
        else None
    )


def _validity(
    cell: Document,
    document: Document | None,
    plan: CellPlan,
    placement: Placement,
    lines: list[Document],
) -> Document:
    checks = list(document["validity"]["checks"]) if document else []
    reasons = list(document["invalid_reasons"]) if document else []
    own = _own_checks(cell, plan, placement, lines)
    reasons += [check["explanation"] for check in own if check["ok"] is False]
    if cell["partial"]:
        reasons.append(f"the cell ended early: {cell['stopped_by']}")
    valid = bool(document and document["validity"]["valid"]) and not reasons
    return {"valid": valid, "invalid_reasons": reasons, "checks": checks + own}


def _own_checks(
    cell: Document, plan: CellPlan, placement: Placement, lines: list[Document]
) -> list[Document]:
    """Checks that the generator cannot make because it does not see the server."""
    builds = [build for build in cell["builds"].values() if build]
    # Without both documents the cell is partial anyway, and these two cannot be told.
    known = len(builds) == 2
    release = all(build["preset"] == "release" for build in builds) if known else None
    same = len({build["commit"] for build in builds}) == 1 if known else None
    checks = [
        _check(
            "cpus_disjoint",
            not placement.overlapping,
            True,
            f"Server and generator: {placement.note}.",
        ),
        _check(
            "release_build",
            release,
            True,
            "Only programs built with the release preset are compared.",
        ),
        _check("same_commit", same, True, "Server and generator were built from one commit."),
    ]
    server = cell["server"]
    if plan.experiment in ("latency", "efficiency", "capacity"):
        share = (server["span_s"] or 0.0) / plan.duration_s
        text = (
            "Share of the window that lies between the stats lines used for the server's CPU time."
        )
        checks.append(_check("stats_span", round(share, 3), 0.5, text, ok=share >= 0.5))
    if plan.experiment == "memory":
        open_now = (
            lines[0] and max((line["total"]["connections_open"] or 0) for line in lines)
            if lines
            else 0
        )
        text = "Connections that the server itself counts, against those wanted."
        checks.append(_check("server_connections", open_now, plan.connections, text))
        known = server["pss_bytes"] is not None
        checks.append(_check("memory_read", known, True, "Memory was read after settling."))
    if plan.measures_pauses:
        known = cell["pauses"] is not None
        checks.append(_check("pauses_read", known, True, "Both sides left what their meters saw."))
    return checks


def _check(name: str, value: Any, bound: Any, explanation: str, ok: bool | None = None) -> Document:
    passed = (None if value is None else value == bound) if ok is None else ok
    return {
        "name": name,
        "value": value,
        "bound": bound,
        "unit": None,
        "ok": passed,
        "explanation": explanation,
    }
