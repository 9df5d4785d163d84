"""The c1m command: doctor, bench, report, compare-runtimes.

Invariant: the result of a command goes to stdout, everything else to stderr; every CommandError
becomes one sentence and its exit code here, and nowhere else.
Not here: what the commands do (bench_command.py, doctor/, report/). Those are imported by the
command that needs them: statistics and charts take a second to load, which `c1m --help` should not
wait for.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from c1m import VERSION
from c1m.backends import BACKENDS
from c1m.failure import CommandError, ExitCode
from c1m.layout import TOP

# As in loadgen/load_flags.cpp, with room to spare.
CONNECTIONS_MOST = 100_000_000

app = typer.Typer(
    help="Compares threads, an event loop and coroutines on real sockets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How a result is printed."""

    TEXT = "text"
    JSON = "json"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"c1m {VERSION}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compares threads, an event loop and coroutines on real sockets."""


@app.command()
def doctor(
    connections: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=CONNECTIONS_MOST,
            help="What so many need of the kernel's settings; exit 4 when they do not fit.",
        ),
    ] = None,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", help="Only put back the kernel settings that a run has left raised."
        ),
    ] = False,
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="Text for people or the JSON document.")
    ] = Format.TEXT,
) -> None:
    """Says what limits this machine has, what they allow, which binds, and how to lift it."""
    from c1m.doctor.doctor_command import restore_settings, run_doctor

    if restore:
        restore_settings()
    else:
        run_doctor(connections, format is Format.JSON)


@app.command()
def bench(
    profile: Annotated[
        str, typer.Option(help="A profile's name, or the path of a TOML file.")
    ] = "quick",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the results; results/<time>-<commit>-<profile> by default."
        ),
    ] = None,
    build_dir: Annotated[
        Path, typer.Option(help="Where the programs were built.", show_default="build/bench")
    ] = TOP / "build" / "bench",
    seed: Annotated[
        int, typer.Option(min=0, max=2**31 - 1, help="Order of cells and schedules follow from it.")
    ] = 1,
    backends: Annotated[str, typer.Option(help="Which backends, separated by commas.")] = ",".join(
        BACKENDS
    ),
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="Tables for people, or the run document as JSON.")
    ] = Format.TEXT,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when the run is not valid.")
    ] = False,
    connections: Annotated[
        int | None,
        typer.Option(
            min=100,
            max=CONNECTIONS_MOST,
            help="Profile million: so many connections instead of a million.",
        ),
    ] = None,
) -> None:
    """Measures the backends, prints the comparison, writes results and report."""
    from c1m.bench_command import BenchOptions, run_bench

    options = BenchOptions(
        profile, out, build_dir, seed, backends, format is Format.JSON, strict, connections
    )
    raise typer.Exit(run_bench(options))


@app.command()
def report(
    run_directory: Annotated[
        Path, typer.Argument(help="A directory with a run.json or a million.json.")
    ],
) -> None:
    """Writes summary.md, report.html and figures/ from the document of a run's directory."""
    from c1m.million.million_report import write_million_report
    from c1m.report.report_command import write_report
    from c1m.results import read_run

    run = read_run(run_directory)
    write = write_million_report if run["kind"] == "c1m-million" else write_report
    write(run_directory, run)
    print(run_directory / "report.html")


@app.command()
def compare_runtimes(
    peers: Annotated[
        str,
        typer.Option(
            help="With which, separated by commas: go, tokio; or all, which leaves "
            "out what cannot be built here and says so."
        ),
    ] = "all",
    processors: Annotated[
        str,
        typer.Option(help="With how many processors (GOMAXPROCS, workers), separated by commas."),
    ] = "1,2",
    operations: Annotated[
        str, typer.Option(help="Which operations, separated by commas, or all.")
    ] = "all",
    repetitions: Annotated[int, typer.Option(min=1, max=1000, help="Of everything.")] = 5,
    build_dir: Annotated[
        Path, typer.Option(help="Where runtime_bench was built.", show_default="build/release")
    ] = TOP / "build" / "release",
    out: Annotated[Path | None, typer.Option(help="Also write the JSON document here.")] = None,
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="A table for people, or the JSON document.")
    ] = Format.TEXT,
) -> None:
    """Measures the coroutine runtime's primitives beside Go's and tokio's, interleaved."""
    from c1m.runtime_comparison_command import RuntimeComparisonOptions, run_runtime_comparison

    run_runtime_comparison(
        RuntimeComparisonOptions(
            peers, processors, operations, repetitions, build_dir, out, format is Format.JSON
        )
    )


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    try:
        app(prog_name="c1m")
    except CommandError as failure:
        Console(stderr=True).print(
            f"c1m: {failure.text}", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(ExitCode.SIGINT)
