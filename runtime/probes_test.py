"""The USDT probes stand in a program that uses the runtime, with their arguments, and fire.

Read from the ELF notes (readelf of binutils), and stopped at by gdb, which finds them there as
bpftrace and perf do but needs no privileges. The program is parked_sample, of $C1M_BUILD_DIR/bin;
that it is missing is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How many arguments each has: docs/runtime.md says which.
ARGUMENTS = {"spawn": 1, "ready": 1, "run": 2, "park": 2, "end": 1}


# Of runtime/wait_reason.hpp.
SLEEP, CHANNEL_RECEIVE = 1, 21


def program() -> Path:
    path = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "bin" / "parked_sample"
    assert path.is_file(), f"{path} is missing: run `make build`"
    return path


def probes() -> list[tuple[str, str]]:
    """Return name and arguments of each probe of the runtime, as often as it stands there."""
    notes = subprocess.run(
        ["readelf", "--notes", "--wide", program()], capture_output=True, text=True, check=True
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


def fired(script: Path) -> list[tuple[str, int, int]]:
    """Return each probe that fires in a run: its name and arguments, the second 0 if it has one.

    `script` is written, with gdb's commands.
    """
    commands = ["set debuginfod enabled off", "set disable-randomization off"]
    for name, count in ARGUMENTS.items():
        second = "$_probe_arg1" if count == 2 else "0"
        commands += [f"break -probe-stap c1m_runtime:{name}", "commands", "silent"]
        commands += [f'printf "{name}: %lu %lu\\n", $_probe_arg0, {second}', "continue", "end"]
    script.write_text("\n".join([*commands, "run"]) + "\n")
    done = subprocess.run(
        ["gdb", "--batch", "--nx", "-x", script, program()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "exited normally" in done.stdout, done.stdout + done.stderr
    found = re.findall(r"^(\w+): (\d+) (\d+)$", done.stdout, re.MULTILINE)
    return [(name, int(first), int(second)) for name, first, second in found]


def test_they_tell_the_lives_of_all_coroutines(tmp_path: Path) -> None:
    lives: dict[int, list[tuple[str, int]]] = {}
    for name, coroutine, second in fired(tmp_path / "commands.gdb"):
        lives.setdefault(coroutine, []).append((name, second))
    first = [("spawn", 0), ("run", 0), *2 * [("park", SLEEP), ("ready", 0), ("run", 0)], ("end", 0)]
    other = [("spawn", 0), ("run", 0), ("park", CHANNEL_RECEIVE), ("ready", 0), ("run", 0)]
    told = {
        coroutine: [(name, second & 0x3F if name == "park" else second) for name, second in life]
        for coroutine, life in lives.items()
    }
    assert told == {1: first, **{each: [*other, ("end", 0)] for each in (2, 3, 4, 5)}}
