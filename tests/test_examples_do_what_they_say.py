"""Each example runs and prints what its first lines promise."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from conftest import ROOT

TIMEOUT_S = 60
DIRECTORY = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev") / "examples"


def _program(name: str) -> Path:
    program = DIRECTORY / name
    assert program.is_file(), f"{program} is missing: run `make build`"
    return program


def _lines(name: str) -> list[str]:
    done = subprocess.run([_program(name)], capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_failing_child_cancels_its_scope_and_not_a_supervisors() -> None:
    first, second, fails, arrives, one_fails, given_up, late = _lines("scope")
    assert {first.split(":")[0], second.split(":")[0]} == {
        "page 1 is given up",
        "page 2 is given up",
    }
    assert "ECANCELED" in first
    assert "ECANCELED" in second
    assert fails == "the scope fails: page 3 is torn"
    assert arrives == "one arrives: 700"
    assert one_fails == "one fails: page 3 is torn"
    assert given_up.startswith("page 1 is given up: ")
    assert late.startswith("one is late: ")
    assert "ETIMEDOUT" in late


def test_the_worker_pool_counts_every_word() -> None:
    assert _lines("worker_pool") == ["10000 lines, 40000 words"]


def test_the_echo_server_echoes_until_it_is_told_to_stop() -> None:
    with subprocess.Popen(
        [_program("echo_server"), "0"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline().removeprefix("listening on port "))
            address = ("127.0.0.1", port)
            with (
                socket.create_connection(address, TIMEOUT_S) as first,
                socket.create_connection(address, TIMEOUT_S) as second,
            ):
                for peer, text in ((first, b"one\n"), (second, b"two\n"), (first, b"three\n")):
                    peer.sendall(text)
                    assert peer.recv(100) == text
                second.sendall(b"stop\n")
                assert first.recv(100) == b""
            assert server.wait(TIMEOUT_S) == 0
        finally:
            server.kill()
