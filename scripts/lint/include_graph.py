"""Which C++ file includes which: what the layer check judges and the caches depend on.

Reads #include lines as text; conditional includes count as well. Not here: what is allowed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lint.source_tree import SourceTree

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


@dataclass(frozen=True)
class Include:
    """One #include line: `target` as written, `quoted` for the project's own files."""

    line: int
    target: str
    quoted: bool


@dataclass(frozen=True)
class IncludeGraph:
    """All #include lines of a tree."""

    includes: Mapping[Path, tuple[Include, ...]]

    @staticmethod
    def of(tree: SourceTree) -> "IncludeGraph":
        """Read every C++ file of the tree."""
        found = {}
        for path in tree.cpp_files:
            matches = enumerate(map(INCLUDE.match, tree.lines(path)), start=1)
            found[path] = tuple(
                Include(line, match[1] or match[2], match[2] is not None)
                for line, match in matches
                if match is not None
            )
        return IncludeGraph(found)

    def own(self, path: Path) -> list[Path]:
        """Return the project's files that `path` includes directly, where they exist."""
        targets = (Path(include.target) for include in self.includes.get(path, ()))
        return [target for target in targets if target in self.includes]

    def closure(self, path: Path) -> list[Path]:
        """Return `path` and all of the project's files that it reads when compiled, sorted."""
        seen = {path}
        waiting = [path]
        while waiting:
            for target in self.own(waiting.pop()):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return sorted(seen)

    @cached_property
    def headers(self) -> list[Path]:
        """Return the project's headers, sorted."""
        return sorted(path for path in self.includes if path.suffix == ".hpp")
