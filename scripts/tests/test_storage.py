"""Files are whole or not there, whatever the disk does."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from c1m.failure import CommandError, ExitCode, UsageError
from c1m.storage import create_directory, write_atomically


def full_disk(_: Path) -> BinaryIO:
    """The kernel's own full disk: every write fails with ENOSPC."""
    return Path("/dev/full").open("wb")


def test_a_file_is_written_with_its_parents(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.json", "{}")
    assert (tmp_path / "a" / "b.json").read_text() == "{}"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, "old")
    with pytest.raises(CommandError, match="No space left on device") as caught:
        write_atomically(path, "new" * 10_000, full_disk)
    assert caught.value.code == ExitCode.FAILED
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def half(path: Path) -> BinaryIO:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(CommandError, match="No space left"):
        write_atomically(tmp_path / "run.json", "whole", half)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="is not empty"):
        create_directory(tmp_path)


def test_a_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Not a directory"):
        create_directory(tmp_path / "file" / "run")


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    create_directory(tmp_path / "new" / "run")
    assert list((tmp_path / "new" / "run").iterdir()) == []
