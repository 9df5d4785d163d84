"""JUnit XML as the test runners exchange it: ctest and pytest write it, the summary reads it.

Not here: running anything.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FAILED = ("failure", "error")


@dataclass(frozen=True)
class Case:
    """One test case; `failure` is the text to show, or None when it passed."""

    name: str
    seconds: float
    failure: str | None


@dataclass
class Counts:
    """How many cases ended how, the names of those that failed, and what was said of them."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)  # by name, where something was said
    seconds: dict[str, float] = field(default_factory=dict)  # by name, of all that ran


def write(path: Path, suite: str, cases: Iterable[Case]) -> None:
    """Write one suite. Raises OSError when the file cannot be written."""
    listed = list(cases)
    root = ElementTree.Element(
        "testsuite",
        name=suite,
        tests=str(len(listed)),
        failures=str(sum(case.failure is not None for case in listed)),
    )
    for case in listed:
        element = ElementTree.SubElement(
            root, "testcase", name=case.name, time=f"{case.seconds:.3f}"
        )
        if case.failure is not None:
            ElementTree.SubElement(element, "failure").text = case.failure
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def read(path: Path) -> Counts:
    """Count the cases of a file, one by one: the attributes that sum them up are not trusted.

    A case that did not run (ctest: status "notrun" or "disabled") or was skipped counts as skipped.
    Raises OSError, ElementTree.ParseError or ValueError when the file is missing, not XML, or has a
    time that is no number.
    """
    counts = Counts()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        failure = next((found for tag in FAILED if (found := case.find(tag)) is not None), None)
        if time := case.get("time"):
            counts.seconds[name] = float(time)
        if failure is not None:
            counts.failed += 1
            counts.failures.append(name)
            # ctest puts only its own verdict into the failure.
            if text := failure.text or case.findtext("system-out") or failure.get("message"):
                counts.texts[name] = text
        elif case.find("skipped") is not None or case.get("status") in {"notrun", "disabled"}:
            counts.skipped += 1
        else:
            counts.passed += 1
    return counts
