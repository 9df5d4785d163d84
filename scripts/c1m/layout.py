"""Where things lie: the checkout, its programs, profiles, schemas and results.

Invariant: commands are run with the top folder as working directory, so that recorded command lines
hold paths relative to it and can be repeated in another checkout.
Not here: the layout of a results directory (results.py).
"""

import os
from pathlib import Path

from c1m.backends import BACKENDS
from c1m.failure import CommandError

TOP = Path(__file__).resolve().parents[2]
SCHEMA_DIRECTORY = TOP / "results" / "schema"
PROFILE_DIRECTORY = TOP / "scripts" / "profiles"
RESULTS_DIRECTORY = TOP / "results"
LOAD_PROGRAM = "c1m-load"


def display_path(path: Path) -> str:
    """The path relative to the top folder where it lies inside, absolute where it does not."""
    resolved = path.absolute()
    if resolved.is_relative_to(TOP):
        return str(resolved.relative_to(TOP))
    return str(resolved)


class Programs:
    """The built programs of one build directory."""

    def __init__(self, build_directory: Path) -> None:
        self._bin = build_directory / "bin"

    def path(self, name: str) -> str:
        """The program's path as it stands in a command line."""
        return display_path(self._bin / name)

    def require(self, backends: list[str]) -> None:
        """Raises CommandError when a program that the run needs was not built."""
        names = [BACKENDS[backend].program for backend in backends] + [LOAD_PROGRAM]
        missing = [name for name in names if not os.access(self._bin / name, os.X_OK)]
        if missing:
            raise CommandError(
                f"{', '.join(missing)} not found in {display_path(self._bin)}: run "
                "`make build` first, or name another build with --build-dir."
            )
