"""Writing results so that a file is either whole or not there.

Invariant: a path given to write_atomically() never holds half a document: it is written beside and
renamed.
Not here: which files there are (results.py).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from c1m.failure import CommandError, UsageError


def _open_new(path: Path) -> BinaryIO:
    return path.open("wb")


def write_atomically(
    path: Path, data: str | bytes, opener: Callable[[Path], BinaryIO] = _open_new
) -> None:
    """Writes `data` to `path` by way of a temporary file beside it.

    Raises CommandError naming the path and the reason (full disk, no permission); then neither the
    temporary file nor a damaged `path` is left behind.
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with opener(temporary) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CommandError(f"cannot write {path}: {error.strerror or error}.") from error


def create_file(path: Path) -> None:
    """Makes an empty file and the directories above it. Raises CommandError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}.") from error


def create_directory(path: Path) -> None:
    """Makes an empty directory for results, with its parents.

    Raises UsageError when it is not empty, CommandError when it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UsageError(
                f"--out: {path} is not empty; name a directory that is empty or not there yet."
            )
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(f"cannot write to {path}: {error.strerror or error}.") from error
