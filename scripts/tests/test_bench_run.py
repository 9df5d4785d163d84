"""A whole run on fake programs: every experiment, every file, the table, the exit code."""

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from c1m.documents import check, read
from c1m.results import read_run

BACKENDS = ["threads", "uv", "coro", "floor"]


def test_the_run_is_valid_and_of_its_schema(whole_run: Path) -> None:
    run = read_run(whole_run)
    assert run["run"]["valid"], run["run"]["invalid_reasons"]
    assert not run["run"]["partial"]
    assert run["run"]["backends"] == BACKENDS
    found = {cell["experiment"] for cell in run["cells"]}
    assert found == {"latency", "efficiency", "capacity", "connect", "memory", "pauses"}


def test_a_document_with_an_unknown_field_is_not_of_the_schema(whole_run: Path) -> None:
    run = read_run(whole_run)
    run["cells"][0]["speed"] = 1
    with pytest.raises(ValueError, match="speed"):
        check("run", run)


def test_every_backend_is_in_every_group(whole_run: Path) -> None:
    run = read_run(whole_run)
    for group in run["groups"]:
        assert group["valid"] >= group["required"] == 1
    members: dict[str, set[str]] = {}
    for group in run["groups"]:
        members.setdefault(group["group"], set()).add(group["backend"])
    for name, backends in members.items():
        assert backends == ({"coro"} if name.endswith("/compact") else set(BACKENDS))
    assert {name for name in members if name.endswith("/compact")} == {
        f"{name}/compact"
        for name in members
        if name.startswith("memory/") and "compact" not in name
    }


def test_compact_stacks_are_asked_for_by_their_flag(whole_run: Path) -> None:
    for cell in read_run(whole_run)["cells"]:
        command = cell["commands"]["server"]
        stacks = command[command.index("--stacks") + 1] if "--stacks" in command else None
        assert cell["stacks"] == stacks
        assert ("compact" in cell["id"]) == (stacks is not None)


def test_figures_are_those_of_the_fakes(whole_run: Path) -> None:
    run = read_run(whole_run)
    expected = {"threads": 15.0, "uv": 10.5, "coro": 10.8, "floor": 10.0}
    for cell in run["cells"]:
        if cell["experiment"] == "efficiency":
            found = cell["server"]["cpu_us_per_request"]
            assert found == pytest.approx(expected[cell["backend"]])


def test_the_capacity_search_finds_the_fakes_limits(whole_run: Path) -> None:
    run = read_run(whole_run)
    limits = {"threads": 30_000, "uv": 50_000, "coro": 48_000, "floor": 52_000}
    assert len(run["searches"]) == 4
    for search in run["searches"]:
        assert search["held_rps"] < limits[search["backend"]] < search["failed_rps"] * 1.1
        probes = [
            c["probe"] for c in run["cells"] if (c["probe"] or {}).get("search") == search["id"]
        ]
        assert [probe["index"] for probe in probes] == list(range(search["probes"]))


def test_pauses_have_the_causes_that_the_fakes_give_them(whole_run: Path) -> None:
    cells = [cell for cell in read_run(whole_run)["cells"] if cell["experiment"] == "pauses"]
    assert {cell["backend"] for cell in cells} == set(BACKENDS)
    for cell in cells:
        assert cell["pauses"]["episodes"]
        for episode in cell["pauses"]["episodes"]:
            assert (episode["cause"], episode["seen_as"]) == ("worker", "service")
            assert episode["workers"] == ["0.0"]
        assert {each["side"] for each in cell["pauses"]["meters"]} == {"server", "generator"}
    others = [cell for cell in read_run(whole_run)["cells"] if cell["experiment"] != "pauses"]
    assert all(cell["pauses"] is None for cell in others)


def test_histograms_in_run_json_are_those_of_the_figures(whole_run: Path) -> None:
    cell = next(c for c in read_run(whole_run)["cells"] if c["experiment"] == "latency")
    block = cell["latency_us"]["response"]
    histogram = HdrHistogram.decode(block["hdr_v2_b64"])
    assert histogram.get_total_count() == block["count"]
    assert histogram.get_value_at_percentile(99) / 1000 == pytest.approx(block["p99"])


def test_every_file_is_there(whole_run: Path) -> None:
    run = read_run(whole_run)
    latency = next(c for c in run["cells"] if c["experiment"] == "latency")["id"]
    table = (whole_run / "histograms" / f"{latency}.response.hgrm").read_text()
    assert table.splitlines()[0].split() == [
        "Value",
        "Percentile",
        "TotalCount",
        "1/(1-Percentile)",
    ]
    with (whole_run / "series" / f"{latency}.server.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert float(rows[-1]["cpu_us"]) > float(rows[0]["cpu_us"])
    assert json.loads((whole_run / "env.json").read_text()) == run["env"]
    script = (whole_run / "reproduce.sh").read_text()
    assert "./c1m bench --profile" in script
    assert f"git checkout {run['run']['commit']}" in script
    assert len((whole_run / "commands.txt").read_text().splitlines()) == 3 * len(run["cells"])
    assert not (whole_run / "raw").exists()


def test_no_program_is_left(whole_run: Path) -> None:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert str(whole_run) not in listed


def test_the_table_is_the_only_thing_on_stdout(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    out = tmp_path / "out"
    done = run_c1m("bench", "--profile", short_profile, "--build-dir", fake_build, "--out", out)
    assert done.returncode == 0, done.stderr
    for name in BACKENDS:
        assert name in done.stdout
    assert "ratio to the floor" in done.stdout
    assert "[1/8]" in done.stderr
    assert "[1/8]" not in done.stdout


def test_json_on_stdout_is_the_run_document(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--format", "json")
    done = run_c1m(*words, "--out", tmp_path / "out", "--backends", "uv,floor", "--seed", "9")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document == read("run", tmp_path / "out" / "run.json")
    assert document["run"]["seed"] == 9
    assert {cell["backend"] for cell in document["cells"]} == {"uv", "floor"}


def test_one_cpu_is_marked_in_every_cell(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        words = ("bench", "--profile", short_profile, "--build-dir", fake_build)
        done = run_c1m(*words, "--out", tmp_path / "out", "--backends", "uv")
    finally:
        os.sched_setaffinity(0, allowed)
    assert done.returncode == 0
    assert "one CPU only" in done.stderr
    run = read_run(tmp_path / "out")
    assert run["env"]["placement"]["overlapping"]
    assert not run["run"]["valid"]
    assert not any(cell["validity"]["valid"] for cell in run["cells"])


def test_an_invalid_cell_is_repeated_and_kept(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--strict")
    done = run_c1m(*words, "--out", tmp_path / "out", faults="load-invalid@uv")
    assert done.returncode == 3
    assert "nothing_lost" in done.stderr
    run = read_run(tmp_path / "out")
    assert not run["run"]["valid"]
    mine = [cell for cell in run["cells"] if cell["backend"] == "uv"]
    # Two groups, each once as required and once more.
    assert len(mine) == 4
    assert not any(cell["validity"]["valid"] for cell in mine)
    assert all(cell["validity"]["valid"] for cell in run["cells"] if cell["backend"] != "uv")
    assert "latency/c100/r2000, uv: 0 of 1" in run["run"]["invalid_reasons"][0]


def test_an_invalid_run_is_good_enough_without_strict(
    fake_build: Path, short_profile: Path, tmp_path: Path, run_c1m: Any
) -> None:
    words = ("bench", "--profile", short_profile, "--build-dir", fake_build, "--backends", "uv")
    done = run_c1m(*words, "--out", tmp_path / "out", faults="load-invalid")
    assert done.returncode == 0
    assert "This run is not valid" in done.stdout
