"""SIGINT and SIGTERM as something that every wait can wait for.

Invariant: the first signal asks for an orderly end (children stopped, results written, exit 130 or
143); a second one kills the children's process groups and ends the process at once.
Threads: the handlers run in the main thread, which is also the one that waits.
Not here: stopping children in order (bench.py).
"""

import os
import select
import signal
import time
from collections.abc import Iterable
from types import FrameType


class StopRequest:
    """Installed once for a command that runs long."""

    def __init__(self) -> None:
        self.signal_name: str | None = None
        self._groups: set[int] = set()
        self._read_fd, self._write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def install(self) -> None:
        """Takes over SIGINT, SIGTERM and SIGHUP (the terminal is gone)."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal that came first, as shells have it: 130, 143."""
        return 128 + signal.Signals[self.signal_name or "SIGINT"]

    def watch_group(self, group: int) -> None:
        """Names a process group that a second signal has to kill."""
        self._groups.add(group)

    def forget_group(self, group: int) -> None:
        """Takes back watch_group() once the group is gone."""
        self._groups.discard(group)

    def wait(self, descriptors: Iterable[int], timeout_s: float) -> list[int]:
        """The descriptors that became readable; also returns, early and with none, on a signal."""
        poller = select.poll()
        watched = list(descriptors)
        for descriptor in [*watched, self._read_fd]:
            poller.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(max(0, int(timeout_s * 1000)))}
        return [descriptor for descriptor in watched if descriptor in ready]

    def sleep(self, duration_s: float) -> None:
        """Sleeps; a signal ends the sleep."""
        if self.signal_name is None:
            self.wait([], duration_s)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_name is None:
            self.signal_name = signal.Signals(number).name
            os.write(self._write_fd, b"!")
            return
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os._exit(self.exit_code)


def remaining_s(deadline_ns: int) -> float:
    """Seconds until a moment of the monotonic clock; 0 when it has passed."""
    return max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9)


def deadline_in(duration_s: float) -> int:
    """The moment of the monotonic clock that lies `duration_s` ahead."""
    return time.monotonic_ns() + int(duration_s * 1e9)
