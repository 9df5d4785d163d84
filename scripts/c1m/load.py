"""c1m-load: its command line, watching it beside the server, and its document.

Invariant: run_load() returns within a bound that follows from the plan, whatever either program
does.
Not here: what is done with the document (cells.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from c1m.child import Child
from c1m.documents import Document, InvalidDocumentError, read
from c1m.layout import LOAD_PROGRAM, Programs, display_path
from c1m.pauses.pause_record import PauseRecord, pause_flags, read_pauses
from c1m.server import Server
from c1m.stop_request import StopRequest, deadline_in, remaining_s

# Connections a second that even a slow machine reaches, for the bound on waiting.
_CONNECTS_PER_S_MIN = 500
_SLACK_S = 15.0
_CLOSES_PER_S_MIN = 10_000
# How long the generator may take to write its document once it was told to stop or lost its target.
_GRACE_S = 10.0
_POLL_S = 0.25


@dataclass(frozen=True)
class LoadPlan:
    """What one run of the generator does; mode is "open", "closed" or "idle", protocol "echo" or
    "ws".
    """

    mode: str
    connections: int
    rate_rps: float | None
    message_bytes: int
    warmup_s: float
    duration_s: float
    timeout_s: float
    connect_rate_per_s: int | None
    seed: int
    cpus: str
    protocol: str

    @property
    def bound_s(self) -> float:
        """How long a run may take before it is held to be stuck."""
        connecting_s = self.connections / _CONNECTS_PER_S_MIN
        return connecting_s + self.warmup_s + self.duration_s + 2 * self.timeout_s + _SLACK_S

    @property
    def grace_s(self) -> float:
        """How long it may take to end when it is told to: closing a socket takes some time."""
        return _GRACE_S + self.connections / _CLOSES_PER_S_MIN

    @property
    def pause_tick_ms(self) -> int:
        """Tick of the meters of pauses of both sides; 0: they are off."""
        return 0

    @property
    def measures_pauses(self) -> bool:
        """Whether the meters of pauses are on."""
        return self.pause_tick_ms > 0

    @property
    def more_flags(self) -> list[str]:
        """Flags of a more special plan."""
        return []


@dataclass(frozen=True)
class LoadOutcome:
    """What a run left: a document or none, and a sentence when it did not end as it should. Of its
    meters of pauses likewise, where they were on.
    """

    command: list[str]
    document: Document | None
    failure: str | None
    pauses: PauseRecord | None = None
    no_pauses: str | None = None


def load_command(plan: LoadPlan, targets: str, programs: Programs, out: Path) -> list[str]:
    """The command line of c1m-load."""
    command = [
        programs.path(LOAD_PROGRAM),
        "--target",
        targets,
        "-c",
        str(plan.connections),
        "-d",
        duration_text(plan.duration_s),
        "-s",
        str(plan.message_bytes),
        "--warmup",
        duration_text(plan.warmup_s),
        "--timeout",
        duration_text(plan.timeout_s),
        "--seed",
        str(plan.seed),
        "--cpus",
        plan.cpus,
        "--protocol",
        plan.protocol,
        "--format",
        "json",
        "--out",
        display_path(out),
    ]
    if plan.mode == "open":
        assert plan.rate_rps is not None
        command += ["-R", f"{plan.rate_rps:g}", "--arrival", "poisson"]
    if plan.mode == "idle":
        command += ["--idle"]
    if plan.connect_rate_per_s is not None:
        command += ["--connect-rate", str(plan.connect_rate_per_s)]
    if plan.measures_pauses:
        command += pause_flags(_pauses_file(out), plan.pause_tick_ms)
    return command + plan.more_flags


def _pauses_file(out: Path) -> Path:
    return out.with_name("load-pauses.json")


def duration_text(duration_s: float) -> str:
    """A duration as the programs read it: whole milliseconds."""
    return f"{round(duration_s * 1000)}ms"


def run_load(
    plan: LoadPlan,
    server: Server,
    programs: Programs,
    directory: Path,
    stop_request: StopRequest,
    observe: Callable[[], str | None],
    started: Callable[[Child], None] = lambda _: None,
) -> LoadOutcome:
    """Runs the generator against a ready server. `started` is told of it; `observe` is called a few
    times a second meanwhile, and ends the run by returning why.
    """
    out = directory / "load.json"
    command = load_command(plan, server.targets, programs, out)
    child = Child(LOAD_PROGRAM, command, directory / "load.log", stop_request)
    started(child)
    try:
        failure = _watch(child, plan, server, stop_request, observe)
    finally:
        in_time = child.stop(plan.grace_s)
    if not in_time and failure is None:
        failure = f"{child.name} did not end within {plan.grace_s:g} s of SIGTERM and was killed"
    document, rubbish = _document("load", out)
    if failure is None and child.exit_code != 0:
        failure = child.end_text()
    if failure is None and document is None:
        failure = f"{child.name} left no document that can be used: {rubbish}"
    pauses, no_pauses = None, None
    if plan.measures_pauses and document is not None:
        pauses, no_pauses = _pauses(_pauses_file(out), document["window"])
    return LoadOutcome(command, document, failure, pauses, no_pauses)


def _watch(
    child: Child,
    plan: LoadPlan,
    server: Server,
    stop_request: StopRequest,
    observe: Callable[[], str | None],
) -> str | None:
    """Returns when the generator has ended, or with a sentence when it has to be stopped."""
    bound_s = plan.bound_s
    deadline = deadline_in(bound_s)
    while not child.ended():
        if stop_request.signal_name is not None:
            return f"stopped by {stop_request.signal_name}"
        if server.child.ended():
            _wait_for_end(child, stop_request)
            return f"{server.child.name} ended while {child.name} ran"
        if remaining_s(deadline) == 0:
            return f"{child.name} was stuck: no end within {bound_s:.0f} s; it was stopped"
        stop_request.wait([child.pidfd, server.child.pidfd], _POLL_S)
        if (reason := observe()) is not None:
            return reason
    return None


def _wait_for_end(child: Child, stop_request: StopRequest) -> None:
    """Gives a generator that has lost its server the time to notice and to write its document."""
    deadline = deadline_in(_GRACE_S / 2)
    while not child.ended() and remaining_s(deadline) > 0 and stop_request.signal_name is None:
        stop_request.wait([child.pidfd], _POLL_S)


def _pauses(path: Path, window: Document) -> tuple[PauseRecord | None, str | None]:
    text = f"{LOAD_PROGRAM} left no document of pauses that can be used"
    try:
        return read_pauses(path, window), None
    except InvalidDocumentError as error:
        return None, f"{text}: {error}"
    except OSError as error:
        return None, f"{text}: {error.strerror or error}"


def _document(kind: str, out: Path) -> tuple[Document | None, str]:
    try:
        return read(kind, out), ""
    except InvalidDocumentError as error:
        return None, str(error)
    except OSError as error:
        return None, f"{error.strerror or error}"
