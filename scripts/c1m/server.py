"""A server program: started, waited for, watched, stopped; and its stats lines.

Invariant: start() returns a server whose shards all listen, or raises; no wait is without a bound.
Not here: what the stats lines say about a cell (server_figures.py).
"""

from dataclasses import dataclass
from pathlib import Path

from c1m.backends import BACKENDS
from c1m.child import Child
from c1m.documents import Document, InvalidDocumentError, parse, read
from c1m.failure import CommandError, ExitCode, LimitError
from c1m.layout import Programs, display_path
from c1m.pauses.pause_record import PauseRecord, pause_flags, read_pauses
from c1m.stop_request import StopRequest, deadline_in, remaining_s

READY_TIMEOUT_S = 20.0
# A thread a connection has to end ten thousand threads; that takes a second or two.
STOP_GRACE_S = 15.0
CLOSES_PER_S_MIN = 10_000
_POLL_S = 0.02
# Two lines of a hundred shards and more.
_STATS_TAIL_BYTES = 1 << 20


class StopRequestedError(Exception):
    """The user asked for an end while something was waited for."""


@dataclass(frozen=True)
class ServerPlan:
    """How to start a server."""

    backend: str
    connections: int
    cpus: str
    processors: int
    stats_interval_ms: int
    protocol: str
    flags: tuple[str, ...] = ()
    pause_tick_ms: int = 0  # of its meters of pauses; 0: they are off

    @property
    def stop_grace_s(self) -> float:
        """How long it may take to end: closing a socket takes some time."""
        return STOP_GRACE_S + self.connections / CLOSES_PER_S_MIN


class Server:
    """A running server program. Its files lie in `directory`, one directory a server."""

    def __init__(
        self, plan: ServerPlan, programs: Programs, directory: Path, stop_request: StopRequest
    ) -> None:
        self.plan = plan
        self._ready_file = directory / "ready.json"
        self._stats_file = directory / "stats.jsonl"
        self._pauses_file = directory / "server-pauses.json"
        self._stop_request = stop_request
        self.ready: Document = {}
        self.child = Child(
            BACKENDS[plan.backend].program,
            self._command(programs),
            directory / "server.log",
            stop_request,
        )

    def _command(self, programs: Programs) -> list[str]:
        plan = self.plan
        tick_ms = plan.pause_tick_ms
        pauses = pause_flags(self._pauses_file, tick_ms) if tick_ms > 0 else []
        return [
            programs.path(BACKENDS[plan.backend].program),
            "--listen",
            "127.0.0.1:0",
            "--protocol",
            plan.protocol,
            "--shards",
            "auto",
            "--connections",
            str(plan.connections),
            "--processors",
            str(plan.processors),
            "--cpus",
            plan.cpus,
            "--ready-file",
            display_path(self._ready_file),
            "--stats-file",
            display_path(self._stats_file),
            "--stats-interval",
            f"{plan.stats_interval_ms}ms",
            *pauses,
            *plan.flags,
        ]

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Waits until every shard listens.

        Raises CommandError when the program ends before, writes rubbish or is not ready in time,
        and StopRequestedError when the user asks for an end.
        """
        deadline = deadline_in(timeout_s)
        while not self._ready_file.exists():
            if self._stop_request.signal_name is not None:
                raise StopRequestedError
            if self.child.ended():
                self.child.stop(0)
                text = self.child.end_text(", before it was ready")
                is_limit = self.child.exit_code == ExitCode.LIMIT
                raise LimitError(text) if is_limit else CommandError(text)
            if remaining_s(deadline) == 0:
                raise CommandError(
                    f"{self.child.name} was not ready within {timeout_s:g} s; it was stopped."
                )
            self._stop_request.wait([self.child.pidfd], _POLL_S)
        try:
            self.ready = read("ready", self._ready_file)
        except (InvalidDocumentError, OSError) as error:
            raise CommandError(
                f"{self.child.name} wrote a ready file that cannot be used: {error}"
            ) from error

    @property
    def targets(self) -> str:
        """Addresses of the shards, as c1m-load's --target takes them."""
        return ",".join(shard["address"] for shard in self.ready["shards"])

    @property
    def shard_pids(self) -> list[int]:
        """Process ids of the shards, which hold the connections."""
        return [int(shard["pid"]) for shard in self.ready["shards"]]

    @property
    def build(self) -> Document | None:
        """Version, commit, preset and dirty flag of the program; nothing before it was ready."""
        if not self.ready:
            return None
        return {key: self.ready[key] for key in ("version", "commit", "preset", "dirty")}

    def stop(self) -> str | None:
        """Stops the server. A sentence when it did not end as it should, or nothing."""
        already_dead = self.child.ended()
        in_time = self.child.stop(self.plan.stop_grace_s)
        if already_dead:
            return self.child.end_text(", while it was needed")
        if not in_time:
            return (
                f"{self.child.name} did not end within {self.plan.stop_grace_s:.0f} s of SIGTERM "
                "and was killed"
            )
        if self.child.exit_code not in (0, 143):
            return self.child.end_text(", when it was told to stop")
        return None

    def pauses(self, window: Document) -> PauseRecord:
        """What its meters of pauses found in a window, when it has ended; CommandError without a
        document.
        """
        try:
            return read_pauses(self._pauses_file, window)
        except (InvalidDocumentError, OSError) as error:
            raise CommandError(
                f"{self.child.name} left no document of pauses that can be used: {error}"
            ) from error

    def latest_total(self) -> Document | None:
        """The sum over all shards in the last whole stats line; None before there is one."""
        try:
            with self._stats_file.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _STATS_TAIL_BYTES))
                lines = file.read().decode("utf-8", errors="replace").split("\n")
        except OSError:
            return None
        # What follows the last newline is torn, and the first of what was read begins anywhere.
        whole = lines[1:-1] if size > _STATS_TAIL_BYTES else lines[:-1]
        total: Document | None = parse("stats", whole[-1])["total"] if whole else None
        return total

    def stats(self) -> list[Document]:
        """The stats lines written so far, without a torn last one; CommandError for rubbish."""
        try:
            text = self._stats_file.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return []
        lines = text.split("\n")[:-1]  # what follows the last newline is torn, or nothing
        try:
            return [parse("stats", line) for line in lines]
        except InvalidDocumentError as error:
            raise CommandError(
                f"{self.child.name} wrote a stats line that cannot be used: {error}"
            ) from error
