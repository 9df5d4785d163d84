"""Relative links and anchors in Markdown files point at something.

Anchors follow GitHub's rule for headings. Not here: links to other hosts, which a check on every
commit should not depend on.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lint.source_tree import Finding, SourceTree

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
EXPLICIT_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
CODE_SPAN = re.compile(r"`[^`]*`")


def prose_lines(tree: SourceTree, path: Path) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, without those of fenced code blocks."""
    fenced = False
    for number, line in enumerate(tree.lines(path), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(tree: SourceTree, path: Path) -> set[str]:
    """Return what `#...` may name in a Markdown file."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for _, line in prose_lines(tree, path):
        found.update(EXPLICIT_ANCHOR.findall(line))
        if heading := HEADING.match(line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def check_target(tree: SourceTree, path: Path, number: int, target: str) -> Iterator[Finding]:
    """Check one relative link."""
    name, _, anchor = target.partition("#")
    full = tree.root / path.parent / name if name else tree.root / path
    if not full.exists():
        yield Finding(path, number, f"dead link: {target}")
    elif anchor and full.suffix == ".md":
        linked = full.resolve().relative_to(tree.root.resolve())
        if anchor not in anchors(tree, linked):
            yield Finding(path, number, f"no such heading: {target}")


def check(tree: SourceTree) -> Iterator[Finding]:
    """Check every relative link of every Markdown file."""
    for path in tree.files:
        if path.suffix == ".md":
            for number, line in prose_lines(tree, path):
                for target in LINK.findall(CODE_SPAN.sub("", line)):
                    if not re.match(r"[a-z]+:", target):
                        yield from check_target(tree, path, number, target)
