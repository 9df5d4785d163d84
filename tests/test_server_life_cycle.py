"""From the ready file to the last line of the stats file: start, sampling, stop, a dead shard."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import BACKENDS, ROOT, Server, StartServer
from jsonschema import Draft202012Validator

DEADLINE_S = 15.0


def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOT / "results" / "schema" / f"{name}.schema.json").read_text())
    return Draft202012Validator(schema)


def _get(server: Server, path: str) -> tuple[int, str, str]:
    url = f"http://{server.ready['admin']['address']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.mark.parametrize("backend", BACKENDS)
def test_ready_and_stats_follow_their_schemas(backend: str, start_server: StartServer) -> None:
    server = start_server(backend, "--shards", "2")
    _validator("ready").validate(server.ready)
    assert server.ready["backend"] == backend
    assert len(set(server.shard_pids)) == 2
    time.sleep(0.4)
    assert server.stop() == 143
    lines = server.stats()
    assert len(lines) >= 3
    for line in lines:
        _validator("stats").validate(line)
    stamps = [line["monotonic_ns"] for line in lines]
    assert stamps == sorted(stamps)
    assert lines[-2]["total"]["rss_bytes"] > 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_requested_stop_ends_every_process(
    backend: str, number: signal.Signals, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(backend, "--shards", "2")
    connections = [
        socket.create_connection(("127.0.0.1", int(shard["port"])))
        for shard in server.ready["shards"]
    ]
    assert server.stop(number) == 128 + number
    for pid in server.shard_pids:
        assert not Path(f"/proc/{pid}").exists()
    assert not list(tmp_path.glob("*.ready.json")), "the ready file must not outlive the server"
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_dead_shard_ends_the_server_by_name(backend: str, start_server: StartServer) -> None:
    server = start_server(backend, "--shards", "3")
    os.kill(server.shard_pids[1], signal.SIGKILL)
    assert server.process.wait(DEADLINE_S) == 1
    assert server.process.stderr is not None
    stderr = server.process.stderr.read().decode()
    assert "shard 1" in stderr
    assert "SIGKILL" in stderr
    for pid in server.shard_pids:
        assert not Path(f"/proc/{pid}").exists()


def test_shards_do_not_outlive_a_killed_supervisor(start_server: StartServer) -> None:
    server = start_server("floor", "--shards", "2")
    server.process.kill()
    server.process.wait()
    deadline = time.monotonic() + DEADLINE_S
    while any(_is_running(pid) for pid in server.shard_pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_the_admin_endpoint_answers(start_server: StartServer) -> None:
    server = start_server("uv", "--admin", "127.0.0.1:0")
    time.sleep(0.3)
    assert _get(server, "/healthz")[0] == 200
    status, content_type, body = _get(server, "/stats")
    assert (status, content_type) == (200, "application/json")
    _validator("stats").validate(json.loads(body))
    status, content_type, body = _get(server, "/metrics")
    assert status == 200
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith("# EOF\n")
    assert "# TYPE c1m_server_connections_open gauge" in body
    assert _get(server, "/nothing")[0] == 404


def test_a_stuck_admin_client_holds_up_nobody(start_server: StartServer) -> None:
    server = start_server("uv", "--admin", "127.0.0.1:0")
    host, _, port = server.ready["admin"]["address"].rpartition(":")
    with socket.create_connection((host, int(port))) as stuck:
        stuck.sendall(b"GET /healthz HT")
        assert _get(server, "/healthz")[0] == 200


def test_a_second_signal_ends_at_once(start_server: StartServer) -> None:
    """A shard that is stopped cannot end in order; the second signal does not wait for it."""
    server = start_server("floor", "--shards", "2")
    os.kill(server.shard_pids[0], signal.SIGSTOP)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert server.process.poll() is None, "an orderly stop waits for its shards"
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert server.process.wait(DEADLINE_S) == 143
    assert time.monotonic() - began < DEADLINE_S / 2
    assert not any(_is_running(pid) for pid in server.shard_pids)


def _run(program: Path, *flags: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *flags], capture_output=True, text=True, timeout=DEADLINE_S)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_busy_port_is_named(backend: str, programs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _run(programs / f"c1m-{backend}", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "in use" in done.stderr
