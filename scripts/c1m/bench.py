"""A whole run: every round, extra repetitions, searches, and the run document.

Invariant: run() returns a document whatever happens in a cell; after a part has died or got stuck,
or the user has asked for an end, no further cell is begun and the document is partial.
Not here: one cell (cells.py), files (results.py).
"""

import time
from dataclasses import dataclass, field, replace

from c1m import VERSION
from c1m.capacity_search import CapacitySearch
from c1m.cells import Workshop, run_cell, utc_now
from c1m.checkout import Checkout
from c1m.doctor.facts import System
from c1m.documents import Document
from c1m.kernel.tracking import ConnectionTable
from c1m.plan import CellPlan, Round, plan_round, plan_rounds, templates
from c1m.profile import CapacitySettings, Profile
from c1m.progress import RunProgress
from c1m.verdict import Required, groups, invalid_reasons, judge_probe, lacking


@dataclass(frozen=True)
class RunPlan:
    """What a run is asked to do; the profile is already fitted to the machine."""

    identity: str
    profile: Profile
    backends: list[str]
    seed: int
    checkout: Checkout
    reproduce: list[str]
    notes: list[str]


@dataclass
class _Search:
    """A capacity search of one backend, with the cell that every probe is made from."""

    identity: str
    cell: CellPlan
    search: CapacitySearch


@dataclass
class Bench:
    """Runs a plan. One object a run."""

    plan: RunPlan
    workshop: Workshop
    progress: RunProgress
    cells: list[Document] = field(default_factory=list)
    searches: list[Document] = field(default_factory=list)
    stopped_by: str | None = None

    def __post_init__(self) -> None:
        self._table = ConnectionTable(self.workshop.stop_request, self.progress.say, System())

    def run(self, environment: Document) -> Document:
        """Runs everything and returns the run document."""
        started, started_utc = time.monotonic(), utc_now()
        rounds = plan_rounds(self.plan.profile, self.plan.backends, self.plan.seed)
        self.progress.expect(sum(self._probes_at_most(each) for each in rounds))
        for each in rounds:
            self._run_round(each)
        self._extra_rounds(started)
        return self._document(environment, started_utc, time.monotonic() - started)

    def _probes_at_most(self, each: Round) -> int:
        capacity = self.plan.profile.capacity
        probes = (
            capacity.probes_max if each.experiment == "capacity" and capacity is not None else 1
        )
        return probes * len(each.cells)

    def _run_round(self, each: Round) -> None:
        capacity = self.plan.profile.capacity
        if each.experiment == "capacity" and capacity is not None:
            self._run_searches(each, capacity)
            return
        for cell in each.cells:
            self._run_cell(cell)

    def _run_cell(self, plan: CellPlan) -> Document | None:
        """Runs a cell unless the run has ended, and keeps it."""
        if self._over():
            return None
        self._table.await_room(plan.connections)
        if self._over():  # the user's wish came meanwhile
            return None
        self.progress.begin(plan.title)
        cell, failure = run_cell(plan, len(self.cells), self.workshop)
        self.cells.append(cell)
        self.progress.finish(plan.title, _one_line(cell))
        if failure is not None:
            self.stopped_by = failure
        return cell

    def _over(self) -> bool:
        signal_name = self.workshop.stop_request.signal_name
        if signal_name is not None and self.stopped_by is None:
            self.stopped_by = f"stopped by {signal_name}"
        return self.stopped_by is not None

    def _run_searches(self, each: Round, settings: CapacitySettings) -> None:
        """Searches of all backends side by side: one probe of each in turn."""
        searches = [
            _Search(f"{cell.backend}-{cell.repetition}", cell, CapacitySearch(settings.search))
            for cell in each.cells
        ]
        running = list(searches)
        while running and not self._over():
            running = [search for search in running if self._probe(search, settings)]
        for search in searches:
            self.progress.expect(search.search.probes - settings.probes_max)
            self.searches.append(_search_document(search, settings))

    def _probe(self, search: _Search, settings: CapacitySettings) -> bool:
        """Makes the next probe of a search. Whether there was one to make."""
        step = search.search.next_probe()
        if step is None:
            return False
        rate_rps, phase = step
        cell = self._run_cell(
            replace(search.cell, rate_rps=rate_rps, seed=search.cell.seed + search.search.probes)
        )
        if cell is None:
            return False
        held, bound_by, reason = judge_probe(cell, settings.p99_us_max)
        cell["probe"] = {
            "search": search.identity,
            "index": search.search.probes,
            "phase": phase,
            "held": held,
            "bound_by": bound_by,
            "reason": reason,
        }
        search.search.record(rate_rps, held, bound_by)
        return True

    def _extra_rounds(self, started: float) -> None:
        """Repeats rounds of groups that lack valid repetitions, within the profile's bounds."""
        profile = self.plan.profile
        if self.workshop.placement.overlapping:
            return  # every cell fails the same check; repeating them changes nothing
        for extra in range(1, profile.run.repetitions_extra_max + 1):
            short = {group["group"] for group in lacking(self._groups())}
            for template, required in templates(profile):
                late = time.monotonic() - started > profile.run.extra_until_s
                if template.group not in short or late or self._over():
                    continue
                repeated = plan_round(
                    template, self.plan.backends, required + extra, self.plan.seed
                )
                self.progress.expect(self._probes_at_most(repeated))
                self._run_round(repeated)

    def _groups(self) -> list[Document]:
        required = [
            Required(template.group, template.contestants(self.plan.backends), count)
            for template, count in templates(self.plan.profile)
        ]
        return groups(self.cells, required, self.searches)

    def _document(self, environment: Document, started_utc: str, duration_s: float) -> Document:
        found = self._groups()
        reasons = invalid_reasons(found, self.cells, self.stopped_by)
        plan = self.plan
        dirty = any(
            build and build["dirty"] for cell in self.cells for build in cell["builds"].values()
        )
        notes = [
            *plan.notes,
            *(["a program was built from a checkout with changes"] if dirty else []),
        ]
        return {
            "schema_version": 1,
            "kind": "c1m-run",
            "run": {
                "id": plan.identity,
                "profile": plan.profile.name,
                "profile_settings": plan.profile.source,
                "seed": plan.seed,
                "backends": plan.backends,
                "version": VERSION,
                "commit": plan.checkout.commit,
                "dirty": plan.checkout.dirty,
                "started_utc": started_utc,
                "ended_utc": utc_now(),
                "duration_s": round(duration_s, 3),
                "partial": self.stopped_by is not None,
                "stopped_by": self.stopped_by,
                "valid": not reasons,
                "invalid_reasons": reasons,
                "notes": notes,
                "reproduce": plan.reproduce,
            },
            "env": environment,
            "groups": found,
            "searches": self.searches,
            "cells": self.cells,
        }


def _search_document(each: _Search, settings: CapacitySettings) -> Document:
    search = each.search
    return {
        "id": each.identity,
        "backend": each.cell.backend,
        "repetition": each.cell.repetition,
        "connections": each.cell.connections,
        "p99_us_max": settings.p99_us_max,
        "held_rps": search.held,
        "failed_rps": search.failed,
        "bound_by": search.bound_by,
        "confirmed": search.confirmed,
        "probes": search.probes,
        "finished": search.finished,
    }


def _one_line(cell: Document) -> str:
    """What a progress line says about a cell."""
    parts = []
    response = (cell["latency_us"] or {}).get("response")
    if response and response["p99"] is not None:
        parts.append(f"p50 {response['p50']:.0f} us, p99 {response['p99']:.0f} us")
    if (
        cell["experiment"] in ("latency", "efficiency")
        and cell["server"]["cpu_us_per_request"] is not None
    ):
        parts.append(f"{cell['server']['cpu_us_per_request']:.2f} us CPU a request")
    if (
        cell["experiment"] == "connect"
        and cell["connect"]
        and cell["connect"]["rate_per_s"] is not None
    ):
        parts.append(f"{cell['connect']['rate_per_s']:.0f} connects/s")
    if cell["experiment"] == "memory" and cell["server"]["pss_bytes"] is not None:
        parts.append(f"{cell['server']['pss_bytes'] / 1e6:.1f} MB")
    if not cell["validity"]["valid"]:
        failed = [check["name"] for check in cell["validity"]["checks"] if check["ok"] is False]
        parts.append("not valid: " + (", ".join(failed) or cell["stopped_by"] or "see run.json"))
    return "; ".join(parts) or "done"
