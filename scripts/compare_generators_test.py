"""The comparison with wrk: equal bytes, pairs of the same repetition, errors that end it, and one
short run of the real programs, which nothing is concluded from.
"""

import argparse
import os
import shutil
from pathlib import Path

import pytest
from compare_generators import (
    Cell,
    Figure,
    compare,
    format_table,
    padding_header,
    read_wrk,
    require_programs,
    run_one,
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
        if len(calls) % 4 == 1:
            slowness[0] = next(drift)
        cost = {"wrk": 4.0, "wrk again": 4.0, "c1m-load": 3.0, "c1m-load open loop": 6.0}[name]
        return Figure(cpu_s=cost * slowness[0] / 1e3, requests=1_000, wall_s=2)

    calls: list[str] = []
    figures = compare(Cell(500), 3, 1, measure)
    for begin in (0, 4, 8):
        assert sorted(calls[begin : begin + 4]) == sorted(Cell(500).generators)
    rows = {line[:20].strip(): line for line in format_table(figures).splitlines()[1:]}
    assert "0.750 (0.750 to 0.750)" in rows["c1m-load"]
    assert "1.500 (1.500 to 1.500)" in rows["c1m-load open loop"]
    assert "1.000 (1.000 to 1.000)" in rows["wrk again"]
    assert "6.00 (4.00 to 12.00)" in rows["wrk"]
    assert rows["wrk"].split()[1] == "500", "1,000 requests in 2 s"


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


@pytest.mark.parametrize("name", Cell(2_000).generators)
def test_the_real_programs_do_equal_work(name: str) -> None:
    build = ROOT / os.environ.get("C1M_BUILD_DIR", "build/dev")
    assert (build / "bin" / "paced_responder").is_file(), "run `make build`"
    assert shutil.which("wrk") is not None, "run `make bootstrap`"
    cpus = sorted(os.sched_getaffinity(0))
    options = argparse.Namespace(
        build=build, bytes=128, connections=10, duration=1,
        responder_cpu=cpus[0], generator_cpu=cpus[-1],
    )  # fmt: skip
    figure = run_one(name, Cell(2_000), options)
    assert figure.cpu_s > 0
    # The far end's pace, or of an open loop a Poisson count, and six deviations of it.
    assert 0 < figure.requests < 2_000 * 1.2 + 6 * 2_000**0.5
