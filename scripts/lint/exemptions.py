"""Exemptions from the lint: exemptions.toml is the only place for them, each with its reason.

Invariant: an exemption that exempts nothing is itself a finding, so the list cannot grow stale.
"""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lint.source_tree import Finding

LIST = Path("scripts/lint/exemptions.toml")


@dataclass(frozen=True)
class Exemption:
    """What is not reported: findings of `check` in files matching `path` that say `message`."""

    check: str
    path: str
    message: str
    reason: str

    def covers(self, check: str, finding: Finding) -> bool:
        """Whether this exemption is about a finding of a check."""
        return (
            check == self.check
            and fnmatchcase(str(finding.path), self.path)
            and self.message in finding.message
        )


def load(file: Path) -> list[Exemption]:
    """Read the list. Raises OSError, TOMLDecodeError, or TypeError when an entry lacks a field."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("exemption", [])
    return [Exemption(**entry) for entry in entries]


def apply(
    exemptions: list[Exemption], findings: dict[str, list[Finding]]
) -> dict[str, list[Finding]]:
    """Take out what is exempt; add a finding for each exemption that was not needed.

    Only exemptions of checks that have run (the keys of `findings`) are judged.
    """
    left = {
        check: [one for one in found if not any(e.covers(check, one) for e in exemptions)]
        for check, found in findings.items()
    }
    for exemption in exemptions:
        found = findings.get(exemption.check)
        if found is not None and not any(exemption.covers(exemption.check, one) for one in found):
            message = f"exempts nothing any more: {exemption.check} in {exemption.path}"
            left[exemption.check].append(Finding(LIST, 0, message))
    return left
