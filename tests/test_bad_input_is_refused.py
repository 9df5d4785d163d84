"""Wrong usage and limits of the machine: a sentence that names flag, value and remedy.

Each comes with the right exit code, and before anything is started or written.
"""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import BACKENDS, StartServer

TIMEOUT_S = 30
TARGET = ("--target", "127.0.0.1:1")


def _run(program: Path, *flags: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, flags)], capture_output=True, text=True, timeout=TIMEOUT_S, **options
    )


@pytest.mark.parametrize("program", [*(f"c1m-{backend}" for backend in BACKENDS), "c1m-load"])
def test_help_and_version_go_to_stdout(program: str, programs: Path) -> None:
    for flag in ("--help", "--version"):
        done = _run(programs / program, flag)
        assert (done.returncode, done.stderr) == (0, "")
        assert program in done.stdout


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ["--listen"]),
        (("--listen", "7000"), ["7000", "HOST:PORT"]),
        (("--listen", "127.0.0.1:70000"), ["70000", "65535"]),
        (("--listen", "no.such.host.invalid:7000"), ["no.such.host.invalid"]),
        (("--listen", "127.0.0.1:0", "--shards", "0"), ["--shards", "0"]),
        (("--listen", "127.0.0.1:0", "--protocol", "ftp"), ["--protocol", "ftp", "echo"]),
        (("--listen", "127.0.0.1:0", "--stats-interval", "soon"), ["--stats-interval", "soon"]),
        (("--listen", "127.0.0.1:0", "--cpus", "0-"), ["--cpus", "0-"]),
        (
            ("--listen", "127.0.0.1:0", "--pause-threshold", "2ms"),
            ["--pause-threshold", "--pauses"],
        ),
        (("--listen", "127.0.0.1:0", "--no-such-flag"), ["--no-such-flag"]),
        (("--listen", "127.0.0.1:65535", "--shards", "2"), ["65535"]),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_server_usage_errors(
    backend: str, flags: tuple[str, ...], words: list[str], programs: Path
) -> None:
    done = _run(programs / f"c1m-{backend}", *flags)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ["--target"]),
        (("--target", "7000"), ["7000", "HOST:PORT"]),
        (("--target", "no.such.host.invalid:7000"), ["no.such.host.invalid"]),
        ((*TARGET, "-c", "0"), ["connections", "0", "1"]),
        ((*TARGET, "-c", "-5"), ["connections", "-5"]),
        ((*TARGET, "-R", "-1"), ["rate", "-1"]),
        ((*TARGET, "-s", "0"), ["size", "0"]),
        ((*TARGET, "-d", "0s"), ["duration", "0s"]),
        ((*TARGET, "-d", "ten"), ["duration", "ten"]),
        ((*TARGET, "--arrival", "sometimes"), ["--arrival", "sometimes", "poisson", "uniform"]),
        ((*TARGET, "--format", "xml"), ["--format", "xml"]),
        ((*TARGET, "--shards", "none"), ["--shards", "none"]),
        ((*TARGET, "--cpus", "999999"), ["--cpus", "999999"]),
        ((*TARGET, "--half-open", "few"), ["--half-open", "few", "from 0 to 1073741824"]),
        ((*TARGET, "--slow", "5:2"), ["--slow", "2", "0.001B/s", "10000B/s"]),
        ((*TARGET, "--reset", "10%"), ["--reset", "--lifetime"]),
        ((*TARGET, "--reset", "0.1", "--lifetime", "exp:1s"), ["--reset", "0.1", "100%"]),
        (
            (*TARGET, "--until-refused", "--idle", "--slow", "5"),
            ["--until-refused", "--half-open or --slow"],
        ),
        ((*TARGET, "--threshold", "p99=5ms"), ["--threshold", "p99=5ms", "p99<5ms"]),
        ((*TARGET, "--threshold", "p99<5"), ["--threshold", "p99<5", "duration"]),
    ],
)
def test_load_usage_errors(flags: tuple[str, ...], words: list[str], programs: Path) -> None:
    done = _run(programs / "c1m-load", *flags)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_nobody_listens(programs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    done = _run(programs / "c1m-load", "--target", f"127.0.0.1:{port}", "-c", "10", "-d", "1s")
    assert done.returncode == 1
    assert "ECONNREFUSED" in done.stderr
    assert str(port) in done.stderr


def test_more_connections_than_the_descriptor_limit(programs: Path) -> None:
    def lower_limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    flags = (*TARGET, "-c", "1000", "--shards", "1", "-d", "1s")
    done = _run(programs / "c1m-load", *flags, preexec_fn=lower_limit)
    assert done.returncode == 4
    for word in ("256", "1000", "--shards"):
        assert word in done.stderr


def test_a_server_sized_beyond_the_descriptor_limit(programs: Path) -> None:
    def lower_limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    flags = ("--listen", "127.0.0.1:0", "--connections", "1000", "--shards", "1")
    done = _run(programs / "c1m-floor", *flags, preexec_fn=lower_limit)
    assert done.returncode == 4
    for word in ("256", "1000", "--shards"):
        assert word in done.stderr


@pytest.mark.parametrize("flag", ["--ready-file", "--stats-file", "--pauses"])
def test_an_unwritable_server_file_is_refused_before_the_start(flag: str, programs: Path) -> None:
    path = "/nonexistent/directory/file"
    done = _run(programs / "c1m-floor", "--listen", "127.0.0.1:0", flag, path)
    assert done.returncode in (1, 2)
    assert path in done.stderr


@pytest.mark.parametrize("flag", ["--out", "--pauses"])
def test_an_unwritable_result_is_refused_before_the_run(
    flag: str, programs: Path, start_server: StartServer
) -> None:
    server = start_server("floor")
    path = "/nonexistent/directory/result.json"
    done = _run(programs / "c1m-load", "--target", server.target, "-d", "20s", flag, path)
    assert done.returncode in (1, 2)
    assert path in done.stderr
    assert server.stats()[-1]["total"]["connections_accepted"] == 0, "no connection was opened"


def test_a_full_disk_leaves_no_half_document(
    programs: Path, start_server: StartServer, tmp_path: Path
) -> None:
    """RLIMIT_FSIZE stands in for a full disk: write(2) fails after the first bytes."""

    def tiny_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    server = start_server("floor")
    out = tmp_path / "result.json"
    flags = ("-c", "2", "-R", "50", "-d", "1s", "--warmup", "0s", "--out", out)
    done = _run(programs / "c1m-load", "--target", server.target, *flags, preexec_fn=tiny_files)
    assert done.returncode == 1
    assert str(out) in done.stderr
    assert not list(tmp_path.glob("result*")), "neither the file nor a temporary one is left"
    assert "p99" in done.stdout, "the measured figures are not lost with the file"


def test_a_full_device_is_reported(programs: Path, start_server: StartServer) -> None:
    server = start_server("floor")
    flags = ("-c", "2", "-R", "50", "-d", "1s", "--warmup", "0s", "--out", "/dev/full")
    done = _run(programs / "c1m-load", "--target", server.target, *flags)
    assert done.returncode == 1
    assert "/dev/full" in done.stderr
    assert "ENOSPC" in done.stderr
