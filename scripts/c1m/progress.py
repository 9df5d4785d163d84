"""Progress of a long command on stderr: a bar on a terminal, plain lines elsewhere.

Invariant: nothing of it goes to stdout, and it wakes at most twice a second, so that it does not
disturb what is measured.
Not here: results.
"""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class RunProgress:
    """Counts cells. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._done = 0
        self._total = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=console, refresh_per_second=2, transient=True)
            self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> "RunProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, more: int) -> None:
        """Adds to the number of cells ahead; negative when some turn out not to be needed."""
        self._total += more
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=self._total)

    def begin(self, title: str) -> None:
        """A cell begins."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=title)

    def finish(self, title: str, result: str) -> None:
        """A cell has ended."""
        self._done += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
            return
        elapsed_s = time.monotonic() - self._started
        left_s = elapsed_s / self._done * max(0, self._total - self._done)
        self.say(
            f"[{self._done}/{self._total}] {title}: {result}  "
            f"({_clock(elapsed_s)}, about {_clock(left_s)} left)"
        )

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _clock(duration_s: float) -> str:
    return f"{int(duration_s) // 60}:{int(duration_s) % 60:02d}"
