"""What c1m-load writes for other tools is read back by them: HDR interval log, percentiles, CSV.

The reader is the published `hdrhistogram` package, whose log reader follows the Java one.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
from conftest import StartServer
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 3
FLAGS = ("-c", "10", "-R", "500", "-d", f"{SECONDS}s", "--warmup", "200ms", "--progress", "never")
HIGHEST_TRACKABLE = (1 << 42) - 1


def _run(
    programs: Path, server_target: str, *flags: str | Path
) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [programs / "c1m-load", "--target", server_target, *FLAGS, *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_interval_log_holds_the_run_second_by_second(
    programs: Path, start_server: StartServer, tmp_path: Path
) -> None:
    log, out, hgrm = tmp_path / "run.hlog", tmp_path / "run.json", tmp_path / "run.hgrm"
    done = _run(
        programs,
        start_server("floor").target,
        *("--shards", "2", "--hdr-log", log, "--out", out, "--hgrm", hgrm),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text("utf-8"))
    schema = json.loads((ROOT / "results/schema/load.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(document)
    response = document["latency_us"]["response"]

    whole = HdrHistogram(1, HIGHEST_TRACKABLE, 3)
    reader = HistogramLogReader(str(log), whole)
    rows = 0
    while (interval := reader.get_next_interval_histogram()) is not None:
        row = document["timeline"][rows]
        assert interval.get_total_count() == row["answered"]
        p99_us = interval.get_value_at_percentile(99) / 1000
        assert p99_us == pytest.approx(row["response_p99_us"])
        assert interval.get_end_time_stamp() - interval.get_start_time_stamp() == 1000
        whole.add(interval)
        rows += 1
    assert rows == SECONDS
    assert whole.get_total_count() == response["count"] == document["counts"]["answered"]
    assert whole.get_value_at_percentile(99.9) / 1000 == pytest.approx(response["p999"])

    table = [line.split() for line in hgrm.read_text("ascii").splitlines() if line[:1] == " "]
    value, percentile, count = table[-1]
    assert table[0] == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert float(value) == pytest.approx(response["max"], abs=0.001)
    assert (float(percentile), int(count)) == (1.0, response["count"])


def test_a_run_is_a_row_of_a_table(programs: Path, start_server: StartServer) -> None:
    done = _run(programs, start_server("floor").target, "--format", "csv")
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["mode"] == "open"
    assert int(row["planned"]) == int(row["answered"]) > 1000
    assert float(row["response_p50_us"]) <= float(row["response_p99_us"])
