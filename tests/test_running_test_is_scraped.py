"""A running c1m-load seen from outside: OpenMetrics by a real scrape, progress on stderr.

The parser below holds the text against the rules of OpenMetrics 1.0 that a scraper relies on: every
sample belongs to the family declared before it, has that family's suffixes, families are not split,
buckets are cumulative and end in +Inf, the text ends with EOF.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import StartServer

SUFFIXES = {
    "counter": {"_total"},
    "gauge": {""},
    "info": {"_info"},
    "stateset": {""},
    "histogram": {"_bucket", "_count", "_sum"},
}
SAMPLE = re.compile(r'^([a-z_0-9]+)(?:\{((?:[a-z_0-9]+="[^"\\]*",?)*)\})? ([0-9.]+)$')
Samples = dict[str, float]


def parse(text: str) -> Samples:
    """Sample with its labels to value; fails the test on what a scraper would refuse."""
    lines = text.splitlines()
    assert text.endswith("# EOF\n")
    family, kind, seen = "", "", set[str]()
    samples: Samples = {}
    for line in lines[:-1]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in seen, f"{family} is split"
            seen.add(family)
        elif line.startswith(("# HELP ", "# UNIT ")):
            assert line.split(" ")[2] == family
            if line.startswith("# UNIT "):
                assert family.endswith("_" + line.split(" ")[3])
        else:
            match = SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            assert name.startswith(family)
            assert name.removeprefix(family) in SUFFIXES[kind], line
            key = f"{name}{{{labels}}}" if labels else name
            assert key not in samples, f"{key} stands twice"
            samples[key] = float(value)
    return samples


def buckets(samples: Samples, family: str) -> list[float]:
    """The counts of a histogram's buckets, which must be cumulative and end with all."""
    pattern = re.compile(re.escape(family) + r'_bucket\{le="([^"]+)"\}')
    found = [(match[1], value) for key, value in samples.items() if (match := pattern.match(key))]
    assert found[-1][0] == "+Inf"
    bounds = [float(bound) for bound, _ in found[:-1]]
    counts = [count for _, count in found]
    assert bounds == sorted(set(bounds))
    assert counts == sorted(counts)
    assert counts[-1] == samples[f"{family}_count"]
    return counts


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def scrape(port: int) -> tuple[str, str]:
    """Content type and text of /metrics; waits for the endpoint, at most 20 s."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.headers["Content-Type"], answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "no endpoint after 20 s"
            time.sleep(0.05)


@contextmanager
def running(programs: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """c1m-load, ended at the end of the block."""
    command: list[str | Path] = [programs / "c1m-load", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def await_answers(port: int, more_than: float) -> Samples:
    """The first scrape with more answers than that; waits at most 20 s."""
    deadline = time.monotonic() + 20
    while True:
        content_type, text = scrape(port)
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        samples = parse(text)
        if samples["c1m_load_requests_answered_total"] > more_than:
            return samples
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


def test_an_open_loop_is_scraped_twice(programs: Path, start_server: StartServer) -> None:
    port = free_port()
    flags = ("--target", start_server("floor").target, "-c", "20", "-R", "500", "-d", "60s")
    with running(programs, *flags, "--shards", "2", "--metrics", f"127.0.0.1:{port}"):
        first = await_answers(port, 0)
        second = await_answers(port, first["c1m_load_requests_answered_total"])
    assert second["c1m_load_connections_established"] == 20
    assert second["c1m_load_connections_planned"] == 20
    assert second["c1m_load_shards"] == 2
    assert second["c1m_load_requests_failed_total"] == 0
    for key, value in first.items():
        if key.endswith("_total") or "_bucket{" in key:
            assert second[key] >= value, f"{key} went back"
    response = buckets(second, "c1m_load_response_seconds")
    assert response[-1] > buckets(first, "c1m_load_response_seconds")[-1]
    buckets(second, "c1m_load_send_lag_seconds")
    phases = {key: value for key, value in second.items() if key.startswith("c1m_load_phase{")}
    assert sum(phases.values()) == 1, phases


def test_clients_beside_the_load_and_resets_are_scraped(
    programs: Path, start_server: StartServer
) -> None:
    port = free_port()
    flags = ["--target", start_server("floor").target, "-c", "20", "-R", "500", "-d", "60s"]
    flags += ["--half-open", "3", "--slow", "2", "--lifetime", "uniform:100ms-300ms"]
    flags += ["--reset", "50%"]
    with running(programs, *flags, "--shards", "2", "--metrics", f"127.0.0.1:{port}"):
        samples = await_answers(port, 0)
        while samples["c1m_load_connections_reset_total"] == 0:
            samples = await_answers(port, samples["c1m_load_requests_answered_total"])
    assert samples['c1m_load_clients_beside{kind="half-open"}'] == 3
    assert samples['c1m_load_clients_beside{kind="slow"}'] == 2


def test_a_port_in_use_is_an_error(programs: Path, start_server: StartServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command: list[str | Path] = [programs / "c1m-load", "-d", "60s"]
        command += ["--target", start_server("floor").target, "--metrics", f"127.0.0.1:{port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "EADDRINUSE" in done.stderr


@pytest.mark.parametrize("mode", [("-R", "500", "--half-open", "3"), ()])
def test_progress_is_lines_where_there_is_no_terminal(
    mode: tuple[str, ...], programs: Path, start_server: StartServer
) -> None:
    command: list[str | Path] = [programs / "c1m-load", "--target", start_server("floor").target]
    command += ["-c", "5", "-d", "3s", "--warmup", "0s", "--progress", "always", *mode]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("c1m-load: window ")]
    assert lines
    lag = r", send lag p99 [0-9.e+]+ us" if mode else ""
    beside = ", 3 beside" if mode else ""
    form = rf"[0-9]+ answers/s, p99 [0-9.e+]+ us{lag}, 0 errors, [0-9]+ outstanding{beside}$"
    assert all(re.search(form, line) for line in lines), lines
    assert "\r" not in done.stderr
