"""Profile million on the real programs with few connections: as root and as a user without rights;
walls by the memory guard and by a real limit on threads.

Invariant: no figure is judged: the build under test is no release build, the machine may be busy.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from c1m.documents import Document, check
from c1m.layout import TOP

# What a busy machine, a debug build or a build of several commits may fail.
FORGIVEN = {
    "release_build",
    "same_commit",
    "send_lag_p99_us",
    "generator_cpu",
    "rate_achieved",
    "nothing_late",
    "steal",
    "throttled",
}
# Counted for a whole network namespace: in the host's, others have their share.
OF_THE_HOST = {"listen_overflows", "syn_cookies", "syn_queue_drops", "conntrack_drops"}
USER = 54321
PROFILE = """
[run]
repetitions_extra_max = 0
extra_until_s = 1
server_cpus = 1
generator_cpus = 1
stats_interval_ms = 100
message_bytes = 64
timeout_s = 2
[million]
connections = 200
rungs_percent = [50, 100]
repetitions = [1, 1]
measured_once = []
subset_percent = 50
subset_active = 10
connect_rate_per_s = 50000
proof_rate_per_s = 30000
rest_s = 6
warmup_s = 0.2
duration_s = 0.5
rate_rps = 500
send_lag_p99_us_max = 5000
memory_used_bytes_max = 1000000000000
memory_available_bytes_min = 1
wall_percent = 95
extra_s_max = 0
meter_tick_ms = 20
"""
SETTINGS = ("net/core/somaxconn", "net/ipv4/ip_local_port_range", "net/ipv4/tcp_mem")


@pytest.fixture(scope="session")
def build() -> Path:
    """The build tree under test: $C1M_BUILD_DIR, by default build/dev."""
    found = TOP / os.environ.get("C1M_BUILD_DIR", "build/dev")
    for name in ("c1m-load", "c1m-floor", "c1m-threads", "c1m-coro"):
        assert (found / "bin" / name).is_file(), f"{found}/bin/{name} is missing: run `make build`"
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that a user without rights may reach and write; pytest's own are root's."""
    path = Path(tempfile.mkdtemp(prefix="c1m-million-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def million(place: Path, build: Path, c1m_command: Any) -> Any:
    """Runs the profile, changed by pairs of texts; `before` are the words before the command."""

    def run(
        backends: str,
        *changes: tuple[str, str],
        before: tuple[str, ...] = (),
        strict: bool = False,
        programs: Path = build,
    ) -> tuple[subprocess.CompletedProcess[str], Document]:
        text = PROFILE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        profile, out = place / "short.toml", place / "out"
        profile.write_text(text)
        words = ["bench", "--profile", profile, "--build-dir", programs, "--backends", backends]
        words += ["--out", out, *(["--strict"] if strict else [])]
        command, environment = c1m_command(*words)
        state = {"C1M_STATE_DIRECTORY": str(place / "state"), "HOME": str(place)}
        done = subprocess.run(
            [*before, *command],
            env={**environment, **state},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert (out / "million.json").exists(), done.stderr
        document = json.loads((out / "million.json").read_text("utf-8"))
        check("million", document)
        return done, document

    return run


def failed(session: Document) -> set[str]:
    return {made["name"] for made in session["validity"]["checks"] if made["ok"] is False}


def kernel_settings() -> list[str]:
    return [(Path("/proc/sys") / name).read_text() for name in SETTINGS]


def test_every_part_of_a_session(million: Any, place: Path) -> None:
    before = kernel_settings()
    done, document = million("floor,threads,coro-compact")
    assert done.returncode == 0, done.stderr
    assert kernel_settings() == before
    assert not list((place / "state").glob("*.json"))
    sessions = document["sessions"]
    assert len(sessions) == 6
    described = (TOP / "docs" / "methodology.md").read_text("utf-8")
    for session in sessions:
        forgiven = FORGIVEN if os.geteuid() == 0 else FORGIVEN | OF_THE_HOST
        assert failed(session) <= forgiven, session["validity"]["invalid_reasons"]
        wanted = session["connections_wanted"]
        assert session["connections"]["proven"] == wanted
        assert session["connections"]["at_end"] == wanted
        assert session["memory"]["server"]["pss_bytes"] > 0
        assert session["memory"]["client"]["pss_bytes"] > 0
        assert session["memory"]["server"]["split_read_fraction"] == 1
        assert all(seconds is not None for seconds in session["parts_s"].values())
        for made in session["validity"]["checks"]:
            assert f"`{made['name']}`" in described
    # A thread's stack has a page at least; what has no thread a connection has none.
    stacks = {
        (each["variant"], each["connections_wanted"]): each["memory"]["server"]["stacks_bytes"]
        for each in sessions
    }
    assert stacks["threads", 200] - stacks["threads", 100] >= 100 * 4096
    assert stacks["floor", 200] - stacks["floor", 100] < 100 * 100
    for name in ("summary.md", "report.html", "figures/memory-against-connections.png"):
        assert (place / "out" / name).is_file()
    assert document["kernel"]["namespace_is_fresh"] == (os.geteuid() == 0)
    for session in sessions:
        assert (session["pauses"] is not None) == (session["connections_wanted"] == 200)
        if session["pauses"] is not None:
            look_at_pauses(session)
            assert (place / "out" / f"figures/pauses-{session['variant']}.png").is_file()


def look_at_pauses(session: Document) -> None:
    """Each meter of both sides is there, and the stream of answers is the traffic's."""
    block = session["pauses"]
    assert (block["tick_us"], block["shortest_us"]) == (20_000, 40_000)
    # Of 250 on average; those to the warm-up's last requests are among them.
    assert block["service_silence"]["answers"] > 100
    assert block["service_silence"]["unexpected_us"] > 0
    meters = {(group["side"], group["kind"], group["of"]): group for group in block["groups"]}
    for side in ("server", "generator"):
        for kind in ("hiccup", "loop", "steal", "psi_cpu"):
            assert meters[side, kind, None]["meters"] >= 1
        assert meters[side, "loop", None]["histograms"]["delay_us"]["count"] > 0
    assert meters["server", "loop", None]["meters"] == session["shards"]
    assert meters["generator", "silence", "target"]["meters"] == session["shards"]
    # Silences are known from a millisecond on, though the tick is 20 ms: at 500 requests a second
    # in half a second there is hardly one shorter than that.
    assert meters["generator", "silence", "service"]["histograms"]["silence_us"]["count"] > 10
    assert len(block["response_p99_by_second"]) >= 1


# The server writes its meters' document to another place than the one that it was told.
ELSEWHERE = """#!/bin/sh
for word; do
  shift
  case "$word" in *server-pauses.json) word="$word.elsewhere" ;; esac
  set -- "$@" "$word"
done
exec {program} "$@"
"""


def test_meters_that_left_nothing_spoil_the_session(million: Any, build: Path, place: Path) -> None:
    programs = place / "build"
    (programs / "bin").mkdir(parents=True)
    (programs / "bin" / "c1m-load").symlink_to(build / "bin" / "c1m-load")
    server = programs / "bin" / "c1m-floor"
    server.write_text(ELSEWHERE.format(program=build / "bin" / "c1m-floor"))
    server.chmod(0o755)
    _, document = million("floor", programs=programs)
    few, many = document["sessions"]
    assert "pauses_read" not in failed(few)
    assert "pauses_read" in failed(many)
    assert any("left no document of pauses" in each for each in many["validity"]["invalid_reasons"])
    assert many["pauses"] is None
    assert many["memory"]["server"]["pss_bytes"] > 0
    assert document["walls"] == []


def test_the_memory_guard_makes_a_wall(million: Any) -> None:
    done, document = million(
        "floor",
        ("memory_available_bytes_min = 1\n", f"memory_available_bytes_min = {10**15}\n"),
        strict=True,
    )
    assert done.returncode == 3, done.stderr
    assert "the run is not valid: floor: no session is valid" in done.stderr
    assert {wall["kind"] for wall in document["walls"]} == {"memory"}
    assert "of the machine are available" in document["walls"][0]["cause"]
    assert document["walls"][0]["used_bytes"] > 0


def as_user(*more: str) -> tuple[str, ...]:
    """The words that take root's rights away; none for who has none."""
    if os.geteuid() != 0:
        return more
    user = ("--reuid", str(USER), "--regid", str(USER), "--clear-groups")
    return ("setpriv", *user, "--inh-caps=-all", "--bounding-set=-all", *more)


def test_without_root_it_runs_in_the_namespace_of_the_host(million: Any) -> None:
    done, document = million("floor", before=as_user())
    assert done.returncode == 0, done.stderr
    assert "not root, so these kernel settings stay below" in done.stderr
    assert document["kernel"]["namespace_reason"] == "not root"
    assert document["kernel"]["changes"] == []
    for session in document["sessions"]:
        assert failed(session) <= FORGIVEN | OF_THE_HOST
        assert session["memory"]["server"]["pss_bytes"] > 0
        assert session["memory"]["kernel"]["slab_by_cache_bytes"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user that has no other processes")
def test_threads_meet_the_limit_of_their_user(million: Any) -> None:
    """RLIMIT_NPROC is 40: the doctor leaves a tenth, and the programs' other threads need more."""
    limit = ("prlimit", "--nproc=40:40")
    done, document = million(
        "threads",
        ("connections = 200", "connections = 100"),
        ("rungs_percent = [50, 100]", "rungs_percent = [20, 100]"),
        ("subset_percent = 50", "subset_percent = 20"),
        before=as_user(*limit),
    )
    assert "'threads of the user' allows 36" in done.stderr
    assert document["sessions"][0]["connections"]["proven"] == 20
    assert document["walls"], done.stderr
    wall = document["walls"][0]
    assert wall["kind"] == "threads"
    assert "no thread for another connection" in wall["cause"]
    assert "EAGAIN" in wall["cause"]
    below = [each for each in document["sessions"] if each["connections_wanted"] < wall["reached"]]
    assert below[-1]["connections"]["proven"] == below[-1]["connections_wanted"]
