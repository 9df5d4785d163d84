"""The comparison with wrk: equal bytes, pairs of the same repetition, errors that end it, and one
short run of the real programs, which nothing is concluded from.
"""

import argparse
import os
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from compare_generators import (
    MAY_FAIL,
    Cell,
    Figure,
    compare,
    format_table,
    padding_header,
    read_lag,
    read_load,
    read_wrk,
    require_programs,
    run_one,
    wrk_command,
)

ROOT = Path(__file__).resolve().parent.parent
WRK_REPORT = """Running 3s test @ http://127.0.0.1:7000/
  1 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms   98.17us   4.25ms   95.21%
    Req/Sec    97.51k     1.36k  100.09k    70.00%
  291101 requests in 3.01s, 35.54MB read
Requests/sec:  96711.62
"""


@pytest.mark.parametrize("size", [96, 128, 4_096])
def test_a_request_of_wrk_has_as_many_bytes(size: int) -> None:
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:7000\r\n{padding_header(7000, size)}\r\n\r\n"
    assert len(request) == size


def _require_wrk() -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed: run `make bootstrap`")


@pytest.mark.parametrize("size", [96, 4_096])
def test_the_real_wrk_sends_as_many_bytes(size: int) -> None:
    """Its first request is all that comes, because it waits for an answer."""
    _require_wrk()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        options = argparse.Namespace(bytes=size, connections=1, duration=30)
        command = wrk_command(listener.getsockname()[1], options)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            request = _first_request(listener)
        finally:
            process.kill()
            process.wait()
    assert request.startswith(b"GET / HTTP/1.1\r\n")
    assert len(request) == size


def _first_request(listener: socket.socket) -> bytes:
    """All that comes up to the end of its head; wrk probes the target with an empty connection."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                part = connection.recv(65_536)
                if not part:
                    break
                request += part
            if request:
                return request


def _load_document(**checks: bool | None) -> dict[str, Any]:
    listed = [{"name": name, "ok": ok, "explanation": "so"} for name, ok in checks.items()]
    return {
        "validity": {"checks": listed},
        "partial": False,
        "counts": {"answered": 900},
        "warmup_counts": {"answered": 100},
        "window": {"duration_s": 1.75},
    }


def test_c1m_load_is_read_by_its_counts() -> None:
    requests, wall_s = read_load(_load_document(nothing_lost=True, send_lag_p99_us=None))
    assert requests == 1_000
    assert wall_s == pytest.approx(1.95)


@pytest.mark.parametrize("name", ["nothing_corrupt", "rate_achieved", "a_check_of_tomorrow"])
def test_a_run_of_c1m_load_that_is_not_valid_is_none(name: str) -> None:
    with pytest.raises(SystemExit, match=name):
        read_load(_load_document(**{name: False}))


def test_what_it_may_fail_is_named() -> None:
    assert read_load(_load_document(**dict.fromkeys(MAY_FAIL, False)))[0] == 1_000


def test_a_run_that_was_stopped_or_idle_is_none() -> None:
    with pytest.raises(SystemExit, match="stopped"):
        read_load(_load_document() | {"partial": True})
    nothing = {"answered": 0}
    with pytest.raises(SystemExit, match="nothing was answered"):
        read_load(_load_document() | {"counts": nothing, "warmup_counts": nothing})


def test_wrk_is_read_by_its_counts() -> None:
    assert read_wrk(WRK_REPORT) == (291_101, 3.01)
    assert read_wrk(WRK_REPORT.replace("3.01s", "1.50m"))[1] == 90


@pytest.mark.parametrize(
    "text",
    [
        "",
        WRK_REPORT.replace("291101", "0"),
        WRK_REPORT + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
        WRK_REPORT + "  Non-2xx or 3xx responses: 7\n",
    ],
)
def test_a_run_of_wrk_with_errors_is_none(text: str) -> None:
    with pytest.raises(SystemExit):
        read_wrk(text)


def test_ratios_are_taken_within_a_repetition() -> None:
    """A drift of the machine, the same for all, is in no ratio."""
    drift = iter([1.0, 1.5, 3.0])
    slowness = [1.0]

    def measure(name: str, cell: Cell) -> Figure:
        assert cell.rate == 500
        calls.append(name)
        if len(calls) % 7 == 1:
            slowness[0] = next(drift)
        return Figure(cpu_s=costs[name] * slowness[0] / 1e3, requests=1_000, wall_s=2, sleeps=250)

    costs = {"wrk": 4.0, "wrk again": 4.0, "c1m-load": 3.0}
    costs |= {
        "c1m-load open loop": 6.0,
        "- spin 30us": 7.0,
        "- slack 200us": 5.0,
        "- slack 1ms": 2.0,
    }
    calls: list[str] = []
    figures = compare(Cell(500), 3, 1, measure)
    for begin in (0, 7, 14):
        assert sorted(calls[begin : begin + 7]) == sorted(Cell(500).generators)
    rows = {line[:20].strip(): line for line in format_table(figures).splitlines()[1:]}
    assert "0.750 (0.750 to 0.750)" in rows["c1m-load"]
    assert "1.500 (1.500 to 1.500)" in rows["c1m-load open loop"]
    assert "1.250 (1.250 to 1.250)" in rows["- slack 200us"]
    assert "1.000 (1.000 to 1.000)" in rows["wrk again"]
    assert "6.00 (4.00 to 12.00)" in rows["wrk"]
    assert rows["wrk"].split()[1:3] == ["500", "0.25"], "1,000 requests in 2 s, 250 sleeps"


def test_the_lag_of_an_open_loop_stands_beside_its_cost() -> None:
    plain = Figure(cpu_s=1, requests=1_000, wall_s=1, sleeps=0)
    lagging = [replace(plain, lag_us=lag) for lag in ((30.0, 100.0), (34.0, 900.0), (32.0, 200.0))]
    table = format_table({"wrk2": [plain] * 3, "c1m-load open loop": lagging}).splitlines()
    assert table[0].endswith("ratio to wrk2  send lag p50, p99 us")
    assert table[1].split()[-1] == "1000.00)", "wrk2 says nothing of its lag"
    assert table[2].endswith("32, 200")


def test_a_closed_loop_has_no_lag() -> None:
    assert read_lag({"latency_us": {"send_lag": None}}) is None
    assert read_lag({"latency_us": {"send_lag": {"p50": 3.0, "p99": 9.0, "max": 10.0}}}) == (3, 9)


def test_without_a_limit_there_is_no_open_loop() -> None:
    assert "c1m-load open loop" not in Cell(None).generators


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"c1m-load is missing: cmake"):
        require_programs(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("c1m-load", "paced_responder"):
        (tmp_path / "bin" / name).touch()
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit, match="apt-get install wrk"):
        require_programs(tmp_path)


def _real_options(wrk2: Path | None = None) -> argparse.Namespace:
    build = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev")
    assert (build / "bin" / "paced_responder").is_file(), "run `make build`"
    cpus = sorted(os.sched_getaffinity(0))
    return argparse.Namespace(
        build=build, bytes=128, connections=10, duration=1, wrk2=wrk2,
        responder_cpu=cpus[0], generator_cpu=cpus[-1],
    )  # fmt: skip


def test_open_loops_are_compared_among_themselves() -> None:
    assert Cell(500, is_open=True).generators[:2] == ("wrk2", "wrk2 again")
    assert not [
        name for name in Cell(500, is_open=True).generators if name in Cell(None).generators
    ]


# Its flags are those of wrk and -R, without which it does not run.
FAKE_WRK2 = """#!/bin/sh
[ "$1" = -R ] && [ "$2" = 2000 ] || { echo "no -R 2000: $*" >&2; exit 1; }
shift 2
exec wrk "$@"
"""


def test_wrk2_is_given_its_rate(tmp_path: Path) -> None:
    _require_wrk()
    program = tmp_path / "wrk2"
    program.write_text(FAKE_WRK2)
    program.chmod(0o755)
    figure = run_one("wrk2", Cell(2_000, is_open=True), _real_options(wrk2=program))
    assert figure.requests > 0


@pytest.mark.parametrize("name", Cell(2_000).generators)
def test_the_real_programs_do_equal_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a busy machine does to so short a run says nothing about the programs.
    of_the_machine = ("rate_achieved", "littles_law", "throttled", "softnet_drops")
    for check in of_the_machine:
        monkeypatch.setitem(MAY_FAIL, check, "this run is not compared")
    if name.startswith("wrk"):
        _require_wrk()
    figure = run_one(name, Cell(2_000), _real_options())
    assert figure.cpu_s > 0
    assert figure.requests > 0
    assert figure.sleeps > 0
