"""Holds #include lines against the two tables of docs/architecture.md, so that they cannot drift.

The table after `<!-- layers -->` says which folder may include which; the one after
`<!-- owners -->` says which files may include a header that is not C++'s own. Tests,
microbenchmarks, fuzzers and what only they share may include anything; nothing else includes them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from lint.include_graph import Include, IncludeGraph
from lint.source_tree import Finding, SourceTree

PAGE = Path("docs/architecture.md")
CODE = re.compile(r"`([^`]+)`")
TEST_FILE = re.compile(r"_(test|bench|fuzz|fixture|samples)\.(cpp|hpp)$")
# The C++ standard library's headers have neither a folder nor a suffix.
STANDARD_HEADER = re.compile(r"^[a-z_0-9]+$")


@dataclass(frozen=True)
class Row:
    """One row of a table: a name, what it is allowed, and where it stands.

    Folders stand without the slash that the page gives them.
    """

    line: int
    name: str
    allowed: tuple[str, ...]


@dataclass
class LayerTables:
    """Both tables of the page, and which of their entries some file has used."""

    layers: dict[str, Row]
    owners: list[Row]
    used: set[tuple[str, str]] = field(default_factory=set)

    def layer_of(self, path: Path) -> str | None:
        """Return the longest folder of the table that holds the file."""
        return next((str(folder) for folder in path.parents if str(folder) in self.layers), None)


def read_rows(tree: SourceTree, marker: str) -> list[Row]:
    """Return the rows of the table that follows a marker; empty when there is none."""
    rows: list[Row] = []
    inside = False
    for number, line in enumerate(tree.lines(PAGE), start=1):
        if line.strip() == f"<!-- {marker} -->":
            inside = True
        elif inside and line.startswith("|"):
            cells = [CODE.findall(cell) for cell in line.strip("|").split("|")]
            if cells[0]:  # the heading and the rule below it hold no code
                names, allowed = ([text.rstrip("/") for text in cell] for cell in cells[:2])
                rows += [Row(number, name, tuple(allowed)) for name in names]
        elif inside and rows:
            break
    return rows


def read_tables(tree: SourceTree) -> LayerTables:
    """Parse the page."""
    layers = {row.name: row for row in read_rows(tree, "layers")}
    return LayerTables(layers, read_rows(tree, "owners"))


def allowing_entry(target: Path, target_layer: str | None, allowed: tuple[str, ...]) -> str | None:
    """Return the entry of a row that allows including `target`: its folder, or the very file."""
    for entry in allowed:
        if entry in (target_layer, str(target)):
            return entry
    return None


def check_own_include(
    tables: LayerTables, graph: IncludeGraph, path: Path, include: Include
) -> Iterator[Finding]:
    """Check one #include "..." line."""
    target = Path(include.target)
    if target not in graph.includes:
        message = f'"{target}" is no file of the project (paths start at the root)'
        yield Finding(path, include.line, message)
        return
    if TEST_FILE.search(target.name) and not TEST_FILE.search(path.name):
        yield Finding(path, include.line, f'"{target}" belongs to a test: nothing includes tests')
    layer, target_layer = tables.layer_of(path), tables.layer_of(target)
    if layer is None or layer == target_layer or TEST_FILE.search(path.name):
        return
    entry = allowing_entry(target, target_layer, tables.layers[layer].allowed)
    if entry is None:
        yield Finding(path, include.line, f'{layer} may not include "{target}" (see {PAGE})')
    else:
        tables.used.add((layer, entry))


def check_foreign_include(tables: LayerTables, path: Path, include: Include) -> Iterator[Finding]:
    """Check one #include <...> line against the table of owners."""
    if STANDARD_HEADER.match(include.target):
        return
    rows = [row for row in tables.owners if fnmatchcase(include.target, row.name)]
    for row in rows:
        for owner in row.allowed:
            if fnmatchcase(str(path), owner) or Path(owner) in path.parents:
                tables.used.add((row.name, owner))
                return
    if TEST_FILE.search(path.name):
        return
    if rows:
        owners = ", ".join(owner for row in rows for owner in row.allowed)
        message = f"<{include.target}> belongs to {owners} (see {PAGE})"
    else:
        message = f"<{include.target}> has no owner in {PAGE}"
    yield Finding(path, include.line, message)


def check_cycles(tables: LayerTables, graph: IncludeGraph) -> Iterator[Finding]:
    """Find cycles between folders, in what is included and in what the table allows."""
    included: dict[str, set[str]] = {}
    for path in graph.includes:
        layer = tables.layer_of(path)
        if layer is not None and not TEST_FILE.search(path.name):
            targets = {tables.layer_of(target) for target in graph.own(path)}
            included.setdefault(layer, set()).update(
                target for target in targets if target is not None and target != layer
            )
    permitted = {
        row.name: {
            layer
            for entry in row.allowed
            if (layer := entry if entry in tables.layers else tables.layer_of(Path(entry)))
        }
        for row in tables.layers.values()
    }
    for what, edges in (("included", included), ("allowed", permitted)):
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            yield Finding(PAGE, 0, f"the {what} edges form a cycle: {circle}")


def check_unused(tables: LayerTables) -> Iterator[Finding]:
    """Find entries of the tables that no file needs."""
    for row in [*tables.layers.values(), *tables.owners]:
        for entry in row.allowed:
            if (row.name, entry) not in tables.used:
                yield Finding(PAGE, row.line, f"nobody uses the allowed edge {row.name} -> {entry}")


def check(tree: SourceTree) -> list[Finding]:
    """Run the whole check."""
    tables = read_tables(tree)
    if not tables.layers or not tables.owners:
        return [Finding(PAGE, 0, "no table after <!-- layers --> or none after <!-- owners -->")]
    graph = IncludeGraph.of(tree)
    findings: list[Finding] = []
    for path, includes in graph.includes.items():
        if tables.layer_of(path) is None:
            findings.append(Finding(path, 0, f"is in no folder of the layer table in {PAGE}"))
        for include in includes:
            if include.quoted:
                findings += check_own_include(tables, graph, path, include)
            else:
                findings += check_foreign_include(tables, path, include)
    return [*findings, *check_cycles(tables, graph), *check_unused(tables)]
