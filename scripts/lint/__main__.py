"""Runs the lint: `python -m lint [CHECK...]` from the top of the checkout, PYTHONPATH=scripts.

Prints each check's name, time and findings; exit code 1 when there are any. With --junitxml,
writes one case a check for the summary of `make test`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import junit
from lint import check_cpp, check_form, check_layers, check_links, check_tools, exemptions
from lint.source_tree import Finding, SourceTree

# Quick ones first, so that a slip shows at once.
CHECKS: dict[str, Callable[[SourceTree], Iterable[Finding]]] = {
    "layers": check_layers.check,
    "opening": check_form.check_opening,
    "size": check_form.check_size,
    "text": check_form.check_text,
    "names": check_form.check_names,
    "paths": check_form.check_absolute_paths,
    "links": check_links.check,
    "shellcheck": check_tools.check_shellcheck,
    "ruff": check_tools.check_ruff,
    "clang-format": check_tools.check_clang_format,
    "mypy": check_tools.check_mypy,
    "headers": check_cpp.check_headers,
    "clang-tidy": check_cpp.check_tidy,
}


def report(name: str, findings: list[Finding], seconds: float) -> junit.Case:
    """Print one check's outcome."""
    verdict = "ok" if not findings else f"{len(findings)} findings"
    print(f"{name}: {verdict}, {seconds:.1f} s", flush=True)
    for finding in findings:
        print(f"  {finding}", flush=True)
    return junit.Case(name, seconds, "\n".join(map(str, findings)) or None)


def main() -> int:
    """Run the chosen checks, or all."""
    parser = argparse.ArgumentParser(prog="python -m lint", description="the rules, executed")
    parser.add_argument("checks", nargs="*", choices=[[], *CHECKS], help="default: all")
    parser.add_argument("--junitxml", type=Path)
    arguments = parser.parse_args()
    tree = SourceTree.of_checkout(Path.cwd())
    exempt = exemptions.load(tree.root / exemptions.LIST)
    cases = []
    for name in arguments.checks or CHECKS:
        started = time.monotonic()
        findings = exemptions.apply(exempt, {name: sorted(CHECKS[name](tree))})[name]
        cases.append(report(name, findings, time.monotonic() - started))
    if arguments.junitxml is not None:
        junit.write(arguments.junitxml, "lint", cases)
    return int(any(case.failure is not None for case in cases))


if __name__ == "__main__":
    sys.exit(main())
