"""A child process in a process group of its own, with bounded waits.

Invariant: when stop() returns, neither the child nor anything else of its group is alive. The group
is killed before the leader is reaped, so that its number cannot have passed to another process.
A child is told to end when the bench is killed, where util-linux has setpriv.
Threads: one. Not here: what the child writes (server.py, load.py).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from c1m.failure import CommandError
from c1m.layout import TOP
from c1m.stop_request import StopRequest, deadline_in, remaining_s
from c1m.storage import create_file

_POLL_S = 0.02
# setpriv (util-linux) asks the kernel for SIGTERM when the bench itself is killed, then becomes the
# program: no server outlives its run. A preexec_fn could do so too, but not safely beside threads.
_WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


class Child:
    """A started program. Its standard output and error go to a log file."""

    def __init__(self, name: str, command: list[str], log: Path, stop_request: StopRequest) -> None:
        self.name = name
        self.command = command
        self._log = log
        self._stop_request = stop_request
        self._stopped = False
        create_file(log)
        with log.open("wb") as output:
            try:
                self._process = subprocess.Popen(
                    [*_WITH_PARENT, *command],
                    cwd=TOP,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as error:
                text = f"cannot start {command[0]}: {error.strerror or error}."
                raise CommandError(text) from error
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)
        stop_request.watch_group(self.pid)

    def ended(self) -> bool:
        """Whether the leader has ended. Does not reap it."""
        if self._stopped:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal(self, number: int) -> None:
        """Sends a signal to the leader alone; nothing happens when it has ended."""
        if not self.ended():
            self._process.send_signal(number)

    def stop(self, grace_s: float) -> bool:
        """SIGTERM, up to `grace_s` of time, then SIGKILL of the whole group. Whether it ended by
        itself.
        """
        if self._stopped:
            return True
        self.signal(signal.SIGTERM)
        deadline = deadline_in(grace_s)
        while not self.ended() and remaining_s(deadline) > 0:
            time.sleep(_POLL_S)
        in_time = self.ended()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self.pidfd)
        self._stop_request.forget_group(self.pid)
        self._stopped = True
        return in_time

    def end_text(self, when: str = "") -> str:
        """How it ended, `when`, and its last words if it had a choice. Call it after stop()."""
        code = self._process.returncode
        if code < 0:
            return f"{self.name} was killed by {signal.Signals(-code).name}{when}"
        tail = self.log_tail()
        return f"{self.name} ended with exit code {code}{when}" + (f": {tail}" if tail else "")

    @property
    def exit_code(self) -> int:
        """The exit code, or minus the signal's number. Call it after stop()."""
        return int(self._process.returncode)

    def log_tail(self) -> str:
        """The last line that is not empty of what it printed, at most 300 characters."""
        try:
            lines = self._log.read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")
