"""What stops a ramp: the memory guard, and the words for whatever else did.

Invariant: the guard stops a ramp while memory is still available; it never waits for the kernel's
OOM killer or for swap. A wall says how many connections stood, and its cause in one sentence.
Not here: what follows from a wall (million_run.py).
"""

from dataclasses import dataclass
from pathlib import Path

from c1m.documents import Document
from c1m.million.footprint import available_bytes


@dataclass(frozen=True)
class MemoryGuard:
    """Bounds on the machine's memory as a whole."""

    used_bytes_max: int
    available_bytes_min: int
    root: Path = Path("/")

    def trips(self) -> str | None:
        """Why a ramp has to end now, or nothing."""
        seen = available_bytes(self.root)
        if seen is None:
            return None
        used, available = seen
        if available < self.available_bytes_min:
            return (
                f"memory: {available / 1e9:.2f} GB of the machine are available, and the guard "
                f"keeps {self.available_bytes_min / 1e9:.2f} GB free of swapping and the OOM killer"
            )
        if used > self.used_bytes_max:
            return (
                f"memory: {used / 1e9:.2f} GB of the machine are in use, and the profile allows "
                f"{self.used_bytes_max / 1e9:.2f} GB"
            )
        return None


def wall_of(
    cause: str, wanted: int, document: Document | None, accepted: int | None, used: int | None
) -> Document:
    """A wall as the document keeps it. `document` is the generator's, if it left one.

    The kernel completes handshakes ahead of the server, so that what the generator has established
    is no more than an upper bound of what stood; `accepted` is what the server held.
    """
    seen = document["connections"] if document else {"established": 0, "at_end": 0}
    # What the server has closed at once never stood; where it has died, all have gone since.
    established = min(seen["established"], seen["at_end"] or seen["established"])
    return {
        "wanted": wanted,
        "established": established,
        "reached": established if accepted is None else min(established, accepted),
        "kind": _kind(cause),
        "cause": cause,
        "used_bytes": used,
    }


def _kind(cause: str) -> str:
    """The resource that ran out, by the words of those who met it."""
    words = {
        "memory": ("memory:", "ENOMEM", "OOM", "SIGKILL", "signal 9"),
        "threads": ("no thread for another", "kernel.threads-max", "kernel.pid_max", "EAGAIN"),
        "descriptors": ("EMFILE", "ENFILE", "RLIMIT_NOFILE", "fs.file-max"),
        "mappings": ("vm.max_map_count",),
        "ports": ("EADDRNOTAVAIL", "ip_local_port_range"),
    }
    for kind, signs in words.items():
        if any(sign in cause for sign in signs):
            return kind
    return "other"
