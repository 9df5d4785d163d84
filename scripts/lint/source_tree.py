"""The files that the lint looks at, and what a check returns.

Invariant: paths are relative to the tree's root and sorted, so that output is the same everywhere.
Not here: any rule.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Wrong on purpose: each sample makes one check fail. Only the lint's own tests look at them.
SAMPLES = Path("scripts/lint/samples")

CPP_SUFFIXES = {".cpp", ".hpp"}


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule. `line` is 0 when the finding is about the whole file."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        """Return the form that editors understand: path:line: message."""
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class SourceTree:
    """A directory and the files in it that belong to the project."""

    root: Path
    files: tuple[Path, ...]

    @staticmethod
    def of_checkout(root: Path) -> "SourceTree":
        """Tracked and new files of a git checkout, without ignored ones and without the samples.

        Raises subprocess.CalledProcessError when `root` is not in a git checkout.
        """
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
        paths = (Path(name) for name in set(listed.stdout.split("\0")) if name)
        return SourceTree._of(root, (path for path in paths if SAMPLES not in path.parents))

    @staticmethod
    def of_directory(root: Path) -> "SourceTree":
        """Every file below a directory; for the samples."""
        return SourceTree._of(root, (path.relative_to(root) for path in root.rglob("*")))

    @staticmethod
    def _of(root: Path, paths: Iterable[Path]) -> "SourceTree":
        # A file that git lists may have been deleted and not yet committed.
        return SourceTree(root, tuple(sorted(path for path in paths if (root / path).is_file())))

    @cached_property
    def cpp_files(self) -> tuple[Path, ...]:
        """C++ sources and headers."""
        return tuple(path for path in self.files if path.suffix in CPP_SUFFIXES)

    @cached_property
    def python_files(self) -> tuple[Path, ...]:
        """Python sources."""
        return tuple(path for path in self.files if path.suffix == ".py")

    @cached_property
    def shell_files(self) -> tuple[Path, ...]:
        """Shell scripts: by suffix, or by the first line of a file without one."""
        return tuple(path for path in self.files if path.suffix == ".sh" or self._is_script(path))

    def _is_script(self, path: Path) -> bool:
        if path.suffix:
            return False
        with (self.root / path).open("rb") as file:
            first = file.readline(100)
        return first.startswith(b"#!") and first.rstrip().endswith((b"/sh", b"bash"))

    def text(self, path: Path) -> str:
        """Return a file's content. Raises UnicodeDecodeError for what is not text."""
        return (self.root / path).read_text(encoding="utf-8")

    def lines(self, path: Path) -> list[str]:
        """Return a file's lines without their ends."""
        return self.text(path).splitlines()
