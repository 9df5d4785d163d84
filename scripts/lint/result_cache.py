"""Remembers which inputs a slow check has already passed, so that a repeated lint is quick.

Invariant: only success is remembered, under a hash of everything that the result depends on; so a
finding is always reported again, and a stale entry can never hide one. Threads: any.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path


class ResultCache:
    """One empty file per success, in a directory that several clones may share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def key(self, parts: Iterable[str], root: Path, files: Iterable[Path]) -> str:
        """Hash strings, and names and contents of files under `root`.

        Where `root` lies does not matter. Raises OSError for a missing file.
        """
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part.encode() + b"\0")
        for file in files:
            digest.update(str(file).encode() + b"\0" + (root / file).read_bytes() + b"\0")
        return digest.hexdigest()

    def has(self, key: str) -> bool:
        """Whether the check with this key has succeeded before."""
        return (self._directory / key).exists()

    def add(self, key: str) -> None:
        """Remember a success."""
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / key).touch()
