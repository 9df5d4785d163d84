"""Reads what compilers and linters print: lines of the form path:line[:column]: message.

Not here: running them.
"""

import re
from pathlib import Path

from lint.source_tree import Finding, SourceTree

LINE = re.compile(r"^(?P<path>[^:\s]+):(?P<line>\d+):(?:\d+:)? (?P<message>.*)$")
# Compilers explain an error by notes on other lines; the error alone is the finding.
NOTE = re.compile(r"^note: ")


def parse(tree: SourceTree, output: str, subject: Path) -> list[Finding]:
    """Return the findings in a tool's output.

    When it holds none, all of it is one finding about `subject`: a tool that failed has a reason.
    """
    findings = set()
    for line in output.splitlines():
        match = LINE.match(line)
        if match and not NOTE.match(match["message"]):
            path = Path(match["path"])
            if path.is_relative_to(tree.root):
                path = path.relative_to(tree.root)
            findings.add(Finding(path, int(match["line"]), match["message"]))
    if findings:
        return sorted(findings)
    return [Finding(subject, 0, output.strip()[-2000:] or "failed without a message")]
