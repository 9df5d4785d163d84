"""Stand-ins for the C++ programs, with a fault on request: they keep the file and flag contract,
not the work.

Started as `fake_programs.py NAME FLAGS...`. A server's CPU time and bytes grow with the clock at a
rate that depends on its name; the generator answers as a queue with one server (M/M/1) would.
C1M_FAKE holds faults, separated by commas: server: server-dies-at-start, server-never-ready,
server-rubbish-ready, server-dies, server-ignores-sigterm, server-rubbish-stats generator: load-
hangs, load-dies, load-rubbish, load-invalid, load-exits-1, load-slow A fault followed by "@uv"
concerns that backend only (for the generator: the server that it talks to).
"""

import json
import math
import os
import random
import signal
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Beside this file, which runs as a script.
from fake_pauses import load_pauses, server_pauses  # type: ignore[import-not-found]
from hdrh.histogram import HdrHistogram

BUILD = {"version": "0.1.0", "commit": "0" * 40, "preset": "release", "dirty": False}
HEAD = {"program": sys.argv[1], "started_utc": datetime.now(UTC).strftime("%FT%TZ"), **BUILD}
CPU_US = {"threads": 15.0, "uv": 10.5, "coro": 10.8, "floor": 10.0}
USER_BYTES = {"threads": 8400, "uv": 270, "coro": 4200, "floor": 20}
BACKENDS = tuple(CPU_US)
CAPACITY_RPS = {"threads": 30_000.0, "uv": 50_000.0, "coro": 48_000.0, "floor": 52_000.0}
MESSAGE_BYTES = 64
PERCENTILES = {
    "p50": 50,
    "p75": 75,
    "p90": 90,
    "p95": 95,
    "p99": 99,
    "p999": 99.9,
    "p9999": 99.99,
}


def utc() -> str:
    """The wall clock as documents have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def flag(name: str, default: str = "") -> str:
    """The value of a command line flag."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def seconds(text: str) -> float:
    """Reads a duration of the command line."""
    return (
        float(text.removesuffix("ms")) / 1000
        if text.endswith("ms")
        else float(text.removesuffix("s"))
    )


def fault(name: str, backend: str) -> bool:
    """Whether a fault was asked for."""
    wanted = os.environ.get("C1M_FAKE", "").split(",")
    return name in wanted or f"{name}@{backend}" in wanted


def write_whole(path: Path, text: str) -> None:
    """Writes a file by renaming."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def port_of(backend: str) -> int:
    """The port that a fake "listens" on; it tells the generator the backend."""
    return 7000 + BACKENDS.index(backend)


def ready(backend: str) -> dict[str, Any]:
    """The ready document."""
    address = f"127.0.0.1:{port_of(backend)}"
    shard = {
        "index": 0,
        "pid": os.getpid(),
        "address": address,
        "port": port_of(backend),
        "processors": 1,
    }
    return {
        "schema_version": 1,
        "kind": "c1m-ready",
        "program": f"c1m-{backend}",
        "backend": backend,
        **BUILD,
        "pid": os.getpid(),
        "started_utc": utc(),
        "protocol": flag("--protocol", "echo"),
        "settings": {"connections": int(flag("--connections", "10000"))},
        "admin": None,
        "shards": [{**shard, "cpus": flag("--cpus")}],
    }


def stats_line(backend: str, started: float) -> dict[str, Any]:
    """A sample that grows with the clock."""
    passed_us = (time.monotonic() - started) * 1e6
    requests = passed_us / CPU_US[backend]
    connections = int(flag("--connections", "10000"))
    received = requests * MESSAGE_BYTES
    total = dict.fromkeys(
        (
            "context_switches_voluntary",
            "context_switches_involuntary",
            "run_queue_delay_us",
            "page_faults_minor",
            "page_faults_major",
            "connections_closed",
            "accept_errors",
            "connection_errors",
        ),
        0,
    ) | {
        "cpu_us": passed_us,
        "cpu_user_us": passed_us * 0.2,
        "cpu_system_us": passed_us * 0.8,
        "rss_bytes": 4e6 + connections * USER_BYTES[backend],
        "pss_bytes": 2e6 + connections * USER_BYTES[backend],
        "threads": connections if backend == "threads" else 1,
        "descriptors": connections + 8,
        "connections_accepted": connections,
        "connections_open": connections,
        "bytes_received": received,
        "bytes_sent": received,
        "reads": requests,
        "writes": requests,
        "messages_received": requests if flag("--protocol") == "ws" else 0,
    }
    return {
        "schema_version": 1,
        "kind": "c1m-stats",
        "monotonic_ns": time.monotonic_ns(),
        "utc": utc(),
        "shards": [{"index": 0, "pid": os.getpid(), "alive": True, **total}],
        "total": total,
        "unavailable": {},
    }


def serve(backend: str) -> int:
    """The fake server."""
    if fault("server-dies-at-start", backend):
        print("c1m-fake: bind: Address already in use (EADDRINUSE)", file=sys.stderr)
        return 1
    ended: list[int] = []
    ignore = fault("server-ignores-sigterm", backend)
    signal.signal(signal.SIGTERM, (lambda *_: None) if ignore else (lambda *_: ended.append(1)))
    ready_file, stats_file = Path(flag("--ready-file")), Path(flag("--stats-file"))
    started = time.monotonic()
    if fault("server-rubbish-ready", backend):
        write_whole(ready_file, '{"kind": "c1m-ready"')
    elif not fault("server-never-ready", backend):
        write_whole(ready_file, json.dumps(ready(backend)))
    with stats_file.open("w", encoding="utf-8") as stats:
        while not ended:
            stats.write(
                "{}\n"
                if fault("server-rubbish-stats", backend)
                else json.dumps(stats_line(backend, started)) + "\n"
            )
            stats.flush()
            time.sleep(seconds(flag("--stats-interval", "1s")))
            if fault("server-dies", backend) and time.monotonic() - started > 0.5:
                print("c1m-fake: shard 0 was killed by signal 9 (SIGKILL)", file=sys.stderr)
                return 1
    ready_file.unlink(missing_ok=True)
    if flag("--pauses"):
        write_whole(
            Path(flag("--pauses")), json.dumps(server_pauses(HEAD, int(started * 1e9), block))
        )
    return 0


def block(values_us: list[float]) -> dict[str, Any]:
    """A percentile block of some values."""
    histogram = HdrHistogram(1, 3_600_000_000_000, 3)
    for value in values_us:
        histogram.record_value(max(1, int(value * 1000)))
    some = bool(values_us)
    result: dict[str, Any] = {
        "count": len(values_us),
        "min": histogram.get_min_value() / 1000 if some else None,
        "mean": statistics.fmean(values_us) if some else None,
        "stddev": statistics.pstdev(values_us) if some else None,
        "max": histogram.get_max_value() / 1000 if some else None,
        "hdr_unit": "ns",
        "hdr_v2_b64": histogram.encode().decode("ascii"),
    }
    values_ns = histogram.get_percentile_to_value_dict(list(PERCENTILES.values())) if some else {}
    for name, percentile in PERCENTILES.items():
        result[name] = values_ns[percentile] / 1000 if some else None
    return result


def checks(backend: str, planned: int) -> list[dict[str, Any]]:
    """A few of the checks, one of which can fail."""
    lost = 3 if fault("load-invalid", backend) else 0
    return [
        {
            "name": "counts_add_up",
            "value": 0,
            "bound": 0,
            "unit": "requests",
            "ok": True,
            "explanation": "Counts add up.",
        },
        {
            "name": "nothing_lost",
            "value": lost,
            "bound": 0,
            "unit": "requests",
            "ok": lost == 0,
            "explanation": f"{lost} of {planned} requests were lost; none may be.",
        },
        {
            "name": "conntrack_drops",
            "value": None,
            "bound": 0,
            "unit": "packets",
            "ok": None,
            "explanation": "Connection tracking is not loaded.",
        },
    ]


def timeline(count: int, connections: int, duration_s: float) -> list[dict[str, Any]]:
    """A row a second."""
    row = {
        "sent": count,
        "answered": count,
        "response_p50_us": 40.0,
        "response_p99_us": 90.0,
        "response_max_us": 200.0,
        "in_flight": 1,
        "established": connections,
    }
    return [{"t_s": second, **row} for second in range(math.ceil(duration_s))]


def requests(backend: str, mode: str, rate: float | None, duration_s: float) -> dict[str, Any]:
    """Rate, counts and latencies, as a queue with one server would give them."""
    source = random.Random(int(flag("--seed")))
    slack = 1 - (rate or 0.0) / CAPACITY_RPS[backend]
    mean_us = CPU_US[backend] + (20 / slack if slack > 0 else 50_000)
    count = 0 if mode == "idle" else min(int((rate or 60_000.0) * duration_s), 4000)
    values = [CPU_US[backend] + source.expovariate(1 / mean_us) for _ in range(count)]
    counts = {"planned": count, "sent": count, "unsent": 0, "answered": count}
    counts |= {"lost": 0, "in_flight_at_end": 0, "corrupt": 0, "late": 0}
    lags = [value / 50 for value in values]
    return {
        "rate_rps": {"planned": rate, "sent": count / duration_s, "achieved": count / duration_s},
        "in_flight_mean": 0.0,
        "counts": counts,
        "warmup_counts": counts,
        "latency_us": {
            "response": block(values) if mode == "open" else None,
            "service": block(values),
            "send_lag": block(lags) if mode == "open" else None,
        },
    }


def websocket(connections: int) -> dict[str, Any]:
    """What a run over WebSocket has beside its requests."""
    pings = ("pings_sent", "pongs_received", "pongs_unasked", "pings_skipped", "pings_received")
    closes = ("closes_answered_otherwise", "closes_received", "protocol_errors")
    return {
        "handshake_us": block([123.0] * connections),
        "ping_rtt_us": block([]),
        "close_us": block([80.0] * connections),
        **dict.fromkeys(pings + closes, 0),
        "closes_sent": connections,
        "closes_answered": connections,
    }


def document(backend: str, start_ns: int, duration_s: float, partial: bool) -> dict[str, Any]:
    """The load document."""
    connections = int(flag("-c"))
    rate = float(flag("-R")) if "-R" in sys.argv else None
    mode = "idle" if "--idle" in sys.argv else ("open" if rate is not None else "closed")
    answered = requests(backend, mode, rate, duration_s)
    count = answered["counts"]["answered"]
    made = checks(backend, count)
    failed = [check["explanation"] for check in made if check["ok"] is False]
    end_ns = time.monotonic_ns()
    connect = {"duration_s": connections / 30_000, "rate_per_s": 30_000.0, "failed": 0}
    is_websocket = flag("--protocol") == "ws"
    generator = {"cpu_us": 1e5, "cpu_us_per_request": 9.0 if count else None}
    generator |= {"cpu_utilization_max": 0.5, "connection_bytes": 40, "rss_bytes": 5e6}
    host = {"listen_overflows": 0, "conntrack_drops": None}
    return {
        "schema_version": 1,
        "kind": "c1m-load",
        **BUILD,
        "started_utc": utc(),
        "mode": mode,
        "protocol": flag("--protocol", "echo"),
        "partial": partial,
        "stopped_by": "SIGTERM" if partial else None,
        "valid": not failed,
        "invalid_reasons": failed,
        "settings": {"connections": connections},
        "window": {
            "start_monotonic_ns": start_ns,
            "end_monotonic_ns": end_ns,
            "duration_s": duration_s,
        },
        "connections": {
            "planned": connections,
            "established": connections,
            "at_end": connections,
            "errors": {},
        },
        "connect": {**connect, "latency_us": block([50.0]), "errors": {}},
        **answered,
        "websocket": websocket(connections) if is_websocket else None,
        "timeline": timeline(count, connections, duration_s),
        "generator": {**generator, "shards": []},
        "host": {**host, "unavailable": {"conntrack_drops": "not loaded"}},
        "validity": {"valid": not failed, "checks": made},
        "thresholds": [],
    }


def load() -> int:
    """The fake load generator."""
    backend = BACKENDS[int(flag("--target").rpartition(":")[2]) - 7000]
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    if fault("load-hangs", backend):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
    if fault("load-dies", backend):
        os.kill(os.getpid(), signal.SIGKILL)
    if fault("load-exits-1", backend):
        print("c1m-load: connect: Connection refused (ECONNREFUSED)", file=sys.stderr)
        return 1
    time.sleep(seconds(flag("--warmup")))
    start_ns = time.monotonic_ns()
    duration_s = seconds(flag("-d")) + (20 if fault("load-slow", backend) else 0)
    while not ended and time.monotonic_ns() < start_ns + duration_s * 1e9:
        time.sleep(0.02)
    text = json.dumps(document(backend, start_ns, duration_s, bool(ended)))
    write_whole(Path(flag("--out")), "\x00rubbish{" if fault("load-rubbish", backend) else text)
    if flag("--pauses"):
        write_whole(Path(flag("--pauses")), json.dumps(load_pauses(HEAD, start_ns, block)))
    return 143 if ended else 0


if __name__ == "__main__":
    name = sys.argv[1]
    sys.exit(load() if name == "c1m-load" else serve(name.removeprefix("c1m-")))
