"""The checkout that a run was made from: its commit, and whether files differed.

Invariant: without git, or outside a repository, the commit is "unknown"; nothing fails.
Not here: the programs' own builds, which every document carries.
"""

import subprocess
from dataclasses import dataclass

from c1m.layout import TOP


@dataclass(frozen=True)
class Checkout:
    """State of the checkout."""

    commit: str
    dirty: bool

    @property
    def short(self) -> str:
        """The commit as it stands in the name of a run."""
        return self.commit if self.commit == "unknown" else self.commit[:10]


def read_checkout() -> Checkout:
    """Asks git."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return Checkout("unknown", False)
    return Checkout(commit, bool(_git("status", "--porcelain", "--untracked-files=no")))


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=TOP, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
