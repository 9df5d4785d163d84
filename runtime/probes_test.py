"""The USDT probes stand in a program that uses the runtime, with their arguments.

Read from the ELF notes (readelf of binutils), as bpftrace and perf do, so no privileges are
needed. The program is parked_sample, of $C1M_BUILD_DIR/bin; that it is missing is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How many arguments each has: docs/runtime.md says which.
ARGUMENTS = {"spawn": 1, "ready": 1, "run": 2, "park": 2, "end": 1}


def probes() -> list[tuple[str, str]]:
    """Return name and arguments of each probe of the runtime, as often as it stands there."""
    build = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev")
    program = build / "bin" / "parked_sample"
    assert program.is_file(), f"{program} is missing: run `make build`"
    notes = subprocess.run(
        ["readelf", "--notes", "--wide", program], capture_output=True, text=True, check=True
    ).stdout
    found = re.findall(r"Provider: (\S+)\s+Name: (\S+)\s+.*\n\s+Arguments: ?(.*)", notes)
    return [(name, arguments) for provider, name, arguments in found if provider == "c1m_runtime"]


def test_each_stands_in_the_program() -> None:
    assert {name for name, _ in probes()} == set(ARGUMENTS)


def test_each_has_its_arguments() -> None:
    for name, arguments in probes():
        assert len(arguments.split()) == ARGUMENTS[name], (name, arguments)
        # Unsigned: "4@..." for a coroutine's number, "8@..." for what it waits for.
        sizes = [int(argument.partition("@")[0]) for argument in arguments.split()]
        assert sizes[0] == 4, (name, arguments)
        assert sizes[1:] == {"run": [4], "park": [8]}.get(name, []), (name, arguments)
