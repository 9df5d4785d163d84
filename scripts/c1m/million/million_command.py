"""Profile million from its options to results: kernel settings, a namespace, the run, the report.

Invariant: whatever ends the run, raised kernel settings are put back, and what was measured is
written; a crash leaves a journal that `c1m doctor --restore` and the next run honour.
Not here: the sessions (million_run.py), the settings themselves (kernel/).
"""

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from c1m import VERSION
from c1m.cells import Workshop, utc_now
from c1m.checkout import Checkout, read_checkout
from c1m.doctor.facts import System
from c1m.doctor.limits import all_limits, connections_max
from c1m.documents import Document, check
from c1m.environment import describe_environment
from c1m.failure import CommandError, ExitCode
from c1m.kernel.journal import Change, SettingsJournal, default_journal, write_setting
from c1m.kernel.namespace import NAMESPACED, fresh_network, network_namespace
from c1m.kernel.needs import Need, lacking, needs
from c1m.layout import RESULTS_DIRECTORY, Programs, display_path
from c1m.million.million_report import print_million, write_million_report
from c1m.million.million_run import MillionRun
from c1m.million.variant_rows import variant_rows
from c1m.million.variants import Variant, select_variants
from c1m.placement import place
from c1m.profile import MillionSettings, Profile
from c1m.report.terminal import result_console
from c1m.results import document_text, reproduce_script
from c1m.stop_request import StopRequest
from c1m.storage import create_directory, write_atomically

if TYPE_CHECKING:
    from c1m.bench_command import BenchOptions

Say = Callable[[str], None]

# What the doctor only estimates is no bound here: the guard finds it out.
_ESTIMATED = ("memory", "memory of the cgroup")


@dataclass(frozen=True)
class _Ground:
    """Where the sessions run: what was done to the kernel for them."""

    namespace: str
    is_fresh: bool
    reason: str | None  # why it is not a fresh one
    changes: list[Change]
    needs: list[Need]


def run_million(options: "BenchOptions", profile: Profile) -> int:
    """Runs the profile and returns the exit code."""
    assert profile.million is not None
    settings = profile.million
    if options.connections is not None:
        settings = replace(settings, connections=options.connections)
    variants = select_variants(options.backends)
    programs = Programs(options.build_dir)
    programs.require(list({variant.backend for variant in variants}))
    console = Console(stderr=True)

    def say(text: str) -> None:
        stamp = datetime.now(UTC).strftime("%H:%M:%S")
        console.print(f"[{stamp}] {text}", markup=False, highlight=False, soft_wrap=True)

    system, checkout = System(), read_checkout()
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    identity = f"{now}-{checkout.short}-{profile.name}"
    directory = options.out or RESULTS_DIRECTORY / identity
    create_directory(directory)
    stop_request = StopRequest()
    stop_request.install()
    placement = place(
        system.allowed_cpus, system.siblings(), profile.run.server_cpus, profile.run.generator_cpus
    )
    say(f"profile {profile.name}: up to {settings.connections:,} connections; {placement.note}")
    say(f"results go to {display_path(directory)}")
    began, started_utc = time.monotonic(), utc_now()
    with _prepared(
        system, settings.connections, any(variant.backend == "threads" for variant in variants), say
    ) as ground:
        environment = describe_environment(system, placement)
        run = MillionRun(
            settings,
            profile.run,
            variants,
            _targets(system, settings, variants, say),
            options.seed,
            Workshop(programs, placement, directory / "raw", stop_request),
            say,
        )
        run.run()
    document = {
        "schema_version": 1,
        "kind": "c1m-million",
        "run": {
            **_about(options, run, identity, profile, checkout),
            "started_utc": started_utc,
            "ended_utc": utc_now(),
            "duration_s": round(time.monotonic() - began, 3),
        },
        "env": environment,
        "kernel": {
            "namespace": ground.namespace,
            "namespace_is_fresh": ground.is_fresh,
            "namespace_reason": ground.reason,
            "changes": [asdict(change) for change in ground.changes],
            "needs": [asdict(need) for need in ground.needs],
        },
        "summary": variant_rows(variants, run.sessions),
        "walls": run.walls,
        "sessions": run.sessions,
    }
    return _finish(options, document, directory, stop_request, console)


def _about(
    options: "BenchOptions", run: MillionRun, identity: str, profile: Profile, checkout: Checkout
) -> Document:
    reasons = run.invalid_reasons()
    return {
        "id": identity,
        "profile": profile.name,
        "profile_settings": profile.source,
        "connections": run.settings.connections,
        "seed": options.seed,
        "variants": [variant.name for variant in run.variants],
        "version": VERSION,
        "commit": checkout.commit,
        "dirty": checkout.dirty,
        "partial": run.stopped_by is not None,
        "stopped_by": run.stopped_by,
        "valid": not reasons,
        "invalid_reasons": reasons,
        "reproduce": _reproduce(options, checkout.commit),
    }


def _finish(
    options: "BenchOptions",
    document: Document,
    directory: Path,
    stop_request: StopRequest,
    console: Console,
) -> int:
    check("million", document)
    text = document_text(document)
    write_atomically(directory / "million.json", text)
    write_atomically(directory / "reproduce.sh", reproduce_script(document))
    _drop_raw(directory / "raw", document)
    write_million_report(directory, document)
    if options.as_json:
        print(text, end="")
    else:
        print_million(document, result_console())
    console.print(f"report: {display_path(directory / 'report.html')}", soft_wrap=True)
    if stop_request.signal_name is not None:
        return stop_request.exit_code
    if options.strict and not document["run"]["valid"]:
        raise CommandError(
            "the run is not valid: " + "; ".join(document["run"]["invalid_reasons"]),
            ExitCode.INVALID,
        )
    return ExitCode.GOOD


def _drop_raw(raw: Path, document: Document) -> None:
    """Files of sessions that ended well are in million.json; those of the others are kept."""
    for session in document["sessions"]:
        if session["validity"]["valid"]:
            shutil.rmtree(raw / session["id"], ignore_errors=True)
    if raw.exists() and not any(raw.iterdir()):
        raw.rmdir()


def _reproduce(options: "BenchOptions", commit: str) -> list[str]:
    words = ["./c1m", "bench", "--profile", options.profile, "--seed", str(options.seed)]
    words += ["--backends", options.backends]
    if options.connections is not None:
        words += ["--connections", str(options.connections)]
    build = ["scripts/bootstrap.sh bench", "cmake --preset bench", "cmake --build --preset bench"]
    return [f"git checkout {commit}", *build, shlex.join(words)]


def _targets(
    system: System, settings: MillionSettings, variants: list[Variant], say: Say
) -> dict[str, int]:
    """How far each variant is taken: to the number wanted, or to a limit that is known before."""
    limits = [limit for limit in all_limits(system) if limit.name not in _ESTIMATED]
    targets = {}
    for variant in variants:
        most, name = connections_max(limits, variant.backend)
        targets[variant.name] = min(settings.connections, most)
        if most < settings.connections:
            remedy = next((each.remedy for each in limits if each.name == name), None)
            say(
                f"{variant.name}: {settings.connections:,} connections do not fit: '{name}' allows "
                f"{most:,}" + (f" (to lift it: {remedy})" if remedy else "")
            )
    return targets


@contextlib.contextmanager
def _prepared(system: System, connections: int, threads: bool, say: Say) -> Iterator[_Ground]:
    """Raises what root may raise, in a network namespace of the run's own; puts it back after."""
    if os.geteuid() != 0:
        yield _as_it_is(system, connections, threads, say)
        return
    journal = SettingsJournal(system, default_journal(), say)
    with fresh_network() as reason:
        is_fresh = reason is None
        if reason is not None:
            say(f"no network namespace of its own, so the run stays in this one: {reason}")
    # The machine's settings are set from the namespace at home, where they are seen.
    found: list[Need] = []

    def find() -> list[Need]:
        found[:] = needs(system, connections, threads, own_namespace=is_fresh)
        return [need for need in found if not (is_fresh and need.name in NAMESPACED)]

    try:
        changes = journal.raise_settings(find)
        if not is_fresh:
            yield _Ground(network_namespace(), False, reason, changes, found)
            return
        with fresh_network():
            say(f"network namespace of the run's own: {network_namespace()}")
            mine = [need for need in needs(system, connections) if need.name in NAMESPACED]
            for need in lacking(mine):
                write_setting(system.root, need.name, need.raised)
                say(f"in it: {need.name}: {need.present} -> {need.raised} ({need.why})")
            yield _Ground(network_namespace(), True, None, changes, found)
    finally:
        journal.release()


def _as_it_is(system: System, connections: int, threads: bool, say: Say) -> _Ground:
    """Without root nothing is raised; says what that means."""
    found = needs(system, connections, threads)
    short = lacking(found)
    if short:
        say("not root, so these kernel settings stay below what the number needs:")
        for need in short:
            say(f"  {need.name} is {need.present}, would be {need.raised}: {need.why}")
        say("root raises them with the same command; each backend goes as far as they allow")
    return _Ground(network_namespace(), False, "not root", [], found)
