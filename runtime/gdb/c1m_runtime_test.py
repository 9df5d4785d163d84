"""gdb lists the coroutines of a running program and unwinds one that waits.

The program is parked_sample, of $C1M_BUILD_DIR/bin; that it, or gdb, is missing is a failure. Not
here: core files, which only the kernel writes whole, where the system's settings let it.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "runtime" / "gdb" / "c1m_runtime.py"
TIMEOUT_S = 120


def program() -> Path:
    build = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev")
    path = build / "bin" / "parked_sample"
    assert path.is_file(), f"{path} is missing: run `make build`"
    return path


def run_gdb(*commands: str) -> str:
    """Return what gdb prints for these commands, after the script was read."""
    command: list[str | Path] = ["gdb", "--batch", "--nx", "-ex", "set debuginfod enabled off"]
    command += ["-ex", "set disable-randomization off", "-ex", f"source {SCRIPT}"]
    for each in commands:
        command += ["-ex", each]
    command.append(program())
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    return done.stdout + done.stderr


TO_THE_POINT = ("break parked_sample::everybody_waits", "run")


@pytest.fixture(scope="module")
def listing() -> str:
    return run_gdb(*TO_THE_POINT, "c1m-coroutines")


def ids(listing: str, kind: str) -> list[str]:
    """Return the ids of those that wait for a channel and are of that kind."""
    return re.findall(rf"^coroutine (\d+) \[channel_receive{kind}\]", listing, re.MULTILINE)


def test_all_coroutines_are_listed(listing: str) -> None:
    assert "5 coroutines\n" in listing, listing
    assert len(ids(listing, "")) == 1, listing
    assert len(ids(listing, ", compact")) == 1, listing
    assert len(ids(listing, ", compact, frozen")) == 1, listing
    assert len(ids(listing, ", frozen")) == 1, listing
    assert re.search(
        r"^coroutine 1 \[running\] spawned at \S+parked_sample\.cpp:\d+ in ", listing, re.MULTILINE
    ), listing


def expect_frames(text: str) -> None:
    """The calls of one that waits, the innermost first, with their arguments."""
    inner = text.find("parked_sample::wait_for_a_number (numbers=")
    outer = text.find("parked_sample::wait_one_call_deeper (numbers=")
    entry = text.find("c1m::runtime::coroutine_entry")
    assert 0 < inner < outer < entry, text
    assert re.search(r"wait_for_a_number \(numbers=.*, kept_value=4711\)", text), text
    assert "corrupt" not in text, text


@pytest.mark.parametrize("kind", ["", ", compact"])
def test_one_that_waits_is_unwound(listing: str, kind: str) -> None:
    [wanted] = ids(listing, kind)
    expect_frames(run_gdb(*TO_THE_POINT, f"c1m-backtrace {wanted}"))


def test_the_threads_own_frames_are_as_before(listing: str) -> None:
    [wanted] = ids(listing, "")
    text = run_gdb(*TO_THE_POINT, f"c1m-backtrace {wanted}", "echo and-now\\n", "backtrace")
    own = text.partition("and-now")[2]
    assert "#0  parked_sample::everybody_waits" in own, text
    assert "wait_for_a_number" not in own, text


@pytest.mark.parametrize("kind", [", frozen", ", compact, frozen"])
def test_one_that_is_frozen_is_said_to_be(listing: str, kind: str) -> None:
    [wanted] = ids(listing, kind)
    text = run_gdb(*TO_THE_POINT, f"c1m-backtrace {wanted}")
    assert "its frames are frozen: not on a stack, so they cannot be unwound" in text, text
    assert ("One of the same slot is resident" in text) == ("compact" in kind), text


def test_mistakes_are_answered() -> None:
    text = run_gdb(*TO_THE_POINT, "c1m-backtrace", "c1m-backtrace 99", "c1m-backtrace 1")
    assert "usage: c1m-backtrace ID" in text, text
    text = run_gdb(*TO_THE_POINT, "c1m-backtrace 99")
    assert "no coroutine 99" in text, text
    text = run_gdb(*TO_THE_POINT, "c1m-backtrace 1")
    assert "it does not wait" in text, text
