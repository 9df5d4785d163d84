"""`c1m bench`: from options to results on disk and a table on stdout.

Invariant: whatever ends the run, what was measured is written before the command ends, unless the
disk itself refuses.
Not here: running cells (bench.py).
"""

import json
import shlex
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from c1m.backends import select_backends
from c1m.bench import Bench, RunPlan
from c1m.cells import Workshop
from c1m.checkout import Checkout, read_checkout
from c1m.doctor.facts import System
from c1m.documents import Document
from c1m.environment import describe_environment
from c1m.failure import CommandError, ExitCode, UsageError
from c1m.layout import RESULTS_DIRECTORY, Programs, display_path
from c1m.placement import Placement, place
from c1m.plan import fit
from c1m.profile import Profile, read_profile
from c1m.progress import RunProgress
from c1m.report.report_command import write_report
from c1m.report.terminal import print_tables, result_console
from c1m.results import write_run
from c1m.stop_request import StopRequest
from c1m.storage import create_directory


@dataclass(frozen=True)
class BenchOptions:
    """The options of the command line."""

    profile: str
    out: Path | None
    build_dir: Path
    seed: int
    backends: str
    as_json: bool
    strict: bool
    connections: int | None = None


def run_bench(options: BenchOptions) -> int:
    """Runs a profile and returns the exit code."""
    profile = read_profile(options.profile)
    if profile.million is not None:
        from c1m.million.million_command import run_million

        return run_million(options, profile)
    if options.connections is not None:
        raise UsageError(
            f"--connections: profile '{profile.name}' has its own numbers; only profile million "
            "takes one."
        )
    backends = select_backends(options.backends)
    programs = Programs(options.build_dir)
    programs.require(backends)
    system, checkout = System(), read_checkout()
    placement = place(
        system.allowed_cpus, system.siblings(), profile.run.server_cpus, profile.run.generator_cpus
    )
    environment = describe_environment(system, placement)
    plan = _plan(options, profile, backends, environment, checkout)
    directory = options.out or RESULTS_DIRECTORY / plan.identity
    create_directory(directory)
    stop_request = StopRequest()
    stop_request.install()
    console = Console(stderr=True)
    _announce(console, plan, placement, directory)
    workshop = Workshop(programs, placement, directory / "raw", stop_request)
    with RunProgress(console) as progress:
        bench = Bench(plan, workshop, progress)
        run = bench.run(environment)
    return _finish(options, run, directory, stop_request, console)


def _plan(
    options: BenchOptions,
    profile: Profile,
    backends: list[str],
    environment: Document,
    checkout: Checkout,
) -> RunPlan:
    allowed = environment["doctor"]["connections_max"]
    least = min(backends, key=lambda name: allowed[name])
    fitted, notes = fit(profile, allowed[least], environment["doctor"]["binding"][least])
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    # A profile of one's own is repeated by its path; those that come with c1m by their name.
    words = [
        "./c1m",
        "bench",
        "--profile",
        options.profile,
        "--seed",
        str(options.seed),
        "--backends",
        ",".join(backends),
    ]
    build = ["scripts/bootstrap.sh bench", "cmake --preset bench", "cmake --build --preset bench"]
    reproduce = [f"git checkout {checkout.commit}", *build, shlex.join(words)]
    return RunPlan(
        f"{now}-{checkout.short}-{profile.name}",
        fitted,
        backends,
        options.seed,
        checkout,
        reproduce,
        notes,
    )


def _announce(console: Console, plan: RunPlan, placement: Placement, directory: Path) -> None:
    lines = [
        f"c1m bench, profile {plan.profile.name}: {plan.profile.description}",
        f"seed {plan.seed}; server on CPU {placement.server}, load generator on CPU "
        f"{placement.generator}: {placement.note}",
        f"results go to {display_path(directory)}",
        *plan.notes,
    ]
    for text in lines:
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _finish(
    options: BenchOptions,
    run: Document,
    directory: Path,
    stop_request: StopRequest,
    console: Console,
) -> int:
    """Writes everything, prints the result, and chooses the exit code."""
    write_run(directory, run)
    _drop_raw(directory / "raw", run)
    if run["cells"]:
        write_report(directory, run)
    if options.as_json:
        print(json.dumps(run, allow_nan=False))
    else:
        print_tables(run, result_console())
    console.print(
        f"report: {display_path(directory / 'report.html')}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if stop_request.signal_name is not None:
        return stop_request.exit_code
    if run["run"]["partial"]:
        raise CommandError(
            f"the run ended early: {run['run']['stopped_by']}; "
            f"what was measured is in {display_path(directory)}."
        )
    if options.strict and not run["run"]["valid"]:
        raise CommandError(
            "the run is not valid: " + "; ".join(run["run"]["invalid_reasons"]), ExitCode.INVALID
        )
    return ExitCode.GOOD


def _drop_raw(raw: Path, run: Document) -> None:
    """Files of cells that ended well are in run.json; logs of the others are kept."""
    for cell in run["cells"]:
        if not cell["partial"]:
            shutil.rmtree(raw / cell["id"], ignore_errors=True)
    if raw.exists() and not any(raw.iterdir()):
        raw.rmdir()
