"""Pauses in profile million: documents of both sides put together in few words, a session's part in
the summary, and what is drawn of it. Documents are made up; times are in ms. Not here: causes
(test_pause_attribution.py), the real programs (test_million_with_real_programs.py).
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from fake_pauses import meter, pauses  # type: ignore[import-not-found]
from hdrh.histogram import HdrHistogram
from million_sessions import session

from c1m.documents import Document, InvalidDocumentError, check, validator
from c1m.million.million_charts import charted_session, pause_chart_of
from c1m.million.million_tables import part_rows, pause_rows
from c1m.million.variant_rows import variant_rows
from c1m.million.variants import VARIANTS
from c1m.pauses.pause_record import PauseRecord, read_pauses
from c1m.pauses.pause_summary import EPISODES_MAX, STALLS_A_GROUP_MAX, summarize_pauses

MS = 1_000_000
HEAD = {
    "program": "c1m-uv",
    "started_utc": "2026-01-01T00:00:00Z",
    "version": "0.1.0",
    "commit": "0" * 40,
    "preset": "release",
    "dirty": False,
}
WINDOW = {"start_monotonic_ns": 1000 * MS, "end_monotonic_ns": 11_000 * MS, "duration_s": 10.0}
LOAD = {"window": WINDOW, "timeline": [{"t_s": 0.0, "sent": 1, "answered": 1}]}
Interval = tuple[float, float]


def block(values_us: list[float]) -> Document:
    """Percentiles as the programs write them, as far as anybody reads them here."""
    histogram = HdrHistogram(1, 24 * 3600 * 10**9, 3)
    for value in values_us:
        histogram.record_value(round(value * 1000))
    found = dict.fromkeys(
        ("min", "mean", "stddev", "p50", "p75", "p90", "p95", "p99", "p999", "p9999")
    )
    most = max(values_us, default=None)
    encoded = histogram.encode().decode("ascii")
    return {
        "count": len(values_us),
        **found,
        "max": most,
        "hdr_unit": "ns",
        "hdr_v2_b64": encoded,
    }


def stalls(*intervals: Interval) -> list[tuple[int, int]]:
    return [(round(begin * MS), round(end * MS)) for begin, end in intervals]


def server(*loops: tuple[Interval, ...], cpu: tuple[Interval, ...] = ()) -> Document:
    """A worker a shard, and the sleeping thread on their CPU."""
    found = [
        meter(block, "loop", stalls(*loop), shard=shard, worker=0)
        for shard, loop in enumerate(loops)
    ]
    made = pauses(HEAD, "server", 0, [meter(block, "hiccup", stalls(*cpu), cpu=0), *found])
    return {**made, "tick_us": 20_000.0}


def generator(*silences: Interval, answers: int = 200_000) -> Document:
    """A loop that never stands still, and the silences of the service, 20,000 answers a second."""
    seen = {"answers": answers, "expected_longest_us": math.log(answers) / 20_000 * 1e6}
    found = [
        meter(block, "loop", [], shard=0, worker=0),
        meter(block, "silence", stalls(*silences), **seen),
    ]
    return {**pauses(HEAD, "generator", 0, found), "tick_us": 20_000.0}


def summary_of(one: Document, other: Document, complete_from_ns: int = 0) -> Document:
    """The block, held against the schema of million.json."""
    found = summarize_pauses(PauseRecord(one, complete_from_ns), PauseRecord(other, 0), LOAD)
    schema = validator("million")
    parts = schema.evolve(schema={"$ref": "million.schema.json#/$defs/pauses"})
    assert [error.message for error in parts.iter_errors(found)] == []
    return found


def test_what_lies_outside_of_the_window_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "pauses.json"
    document = server(((0, 900), (950, 1100), (10_900, 11_500), (11_001, 12_000)))
    path.write_text(json.dumps(document))
    record = read_pauses(path, WINDOW)
    (loop,) = [each for each in record.document["meters"] if each["kind"] == "loop"]
    assert [each["begin_ns"] // MS for each in loop["stalls"]] == [950, 10_900]
    assert record.complete_from_ns == 0
    document["meters"][1]["stalls_total"] += 1  # a stall had no room: shorter than those kept
    path.write_text(json.dumps(document))
    assert read_pauses(path, WINDOW).complete_from_ns == 150 * MS


@pytest.mark.parametrize("text", ["{", "[]", '{"meters": 3}', '{"meters": [{"stalls": 7}]}'])
def test_rubbish_is_refused_and_not_a_crash(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pauses.json"
    path.write_text(text)
    with pytest.raises(InvalidDocumentError):
        read_pauses(path, WINDOW)


def test_each_pause_has_its_cause_and_short_ones_are_none() -> None:
    both, first = (2000, 2300), (5000, 5100)
    one = server((both, first, (7000, 7030)), (both,))
    found = summary_of(one, generator(both, (8000, 8035)))
    assert found["shortest_us"] == 40_000
    assert [(each["cause"], each["seen_as"]) for each in found["episodes"]] == [
        ("all_workers", "service"),
        ("worker", "worker"),
    ]
    assert found["by_cause"] == {
        "platform": 0,
        "generator": 0,
        "runtime": 0,
        "worker": 1,
        "all_workers": 1,
        "unexplained": 0,
    }
    # A meter that had no room below 200 ms leaves nothing to be said of shorter ones.
    found = summary_of(one, generator(both), 200 * MS)
    assert found["shortest_us"] == 200_000
    assert [each["cause"] for each in found["episodes"]] == ["all_workers"]


def test_a_silence_stands_beside_what_chance_explains() -> None:
    silence = summary_of(server(()), generator((3000, 3012)))["service_silence"]
    assert silence["longest_us"] == 12_000
    assert silence["expected_longest_us"] == pytest.approx(610.3, abs=0.1)
    assert silence["unexpected_us"] == pytest.approx((math.log(200_000) + 4.6) / 0.02, rel=1e-3)
    assert summary_of(server(()), generator())["service_silence"]["longest_us"] is None


def test_meters_of_a_kind_are_one_group() -> None:
    many = tuple((1000 + 40 * at, 1000 + 40 * at + 20 + at % 7) for at in range(200))
    found = summary_of(server(many, ((6000, 6500),), ()), generator())
    groups = {(each["side"], each["kind"], each["of"]): each for each in found["groups"]}
    assert set(groups) == {
        ("server", "hiccup", None),
        ("server", "loop", None),
        ("generator", "loop", None),
        ("generator", "silence", "service"),
    }
    loops = groups["server", "loop", None]
    assert (loops["meters"], loops["stalls_in_window"]) == (3, 201)
    assert loops["longest_us"] == 500_000
    assert len(loops["stalls"]) == STALLS_A_GROUP_MAX
    assert loops["stalls"] == sorted(loops["stalls"], key=lambda each: each["begin_ns"])
    # Forty-nine of the shortest, of 20 and 21 ms, had to go.
    assert min(each["amount_ns"] for each in loops["stalls"]) == 21 * MS
    assert loops["histograms"]["delay_us"]["count"] == 201
    assert loops["histograms"]["delay_us"]["max_us"] == 500_000
    merged = HdrHistogram.decode(loops["histograms"]["delay_us"]["hdr_v2_b64"])
    assert merged.get_total_count() == 201


def test_every_pause_is_counted_and_the_longest_are_kept() -> None:
    many = tuple((1000 + 24 * at, 1000 + 24 * at + 20 + at / 100) for at in range(400))
    one = {**server(many), "tick_us": 1000.0}
    found = summary_of(one, {**generator(), "tick_us": 1000.0})
    assert found["by_cause"]["worker"] == 400
    assert len(found["episodes"]) == EPISODES_MAX
    assert found["episodes"][0]["begin_ns"] == round(many[100][0] * MS), "the shortest had to go"


def metered(variant: str, connections: int, more: Document, *silences: Interval) -> Document:
    """A session of profile million with meters on, of which all workers stand still."""
    made = session(variant, connections)
    one = server(silences, silences)
    found = summary_of(one, generator(*silences))
    return {**made, "pauses": found, "window": WINDOW, **more}


def sessions_of_uv() -> list[Document]:
    few = session("uv", 100)
    spoilt = {
        "validity": {"valid": False, "memory_valid": True, "invalid_reasons": [], "checks": []}
    }
    return [
        few,
        metered("uv", 1000, {}, (2000, 2300)),
        metered("uv", 1000, {"repetition": 2, **spoilt}, (3000, 3100), (4000, 4450)),
        metered("uv", 1000, {"choice": "active:10"}, (5000, 6000)),
    ]


def test_a_variants_pauses_are_added_up_over_its_largest_sessions() -> None:
    (row,) = variant_rows([VARIANTS["uv"]], sessions_of_uv())
    seen = row["pauses"]
    assert (seen["sessions"], seen["window_s"]) == (2, 20)
    assert seen["by_cause"]["all_workers"] == 3
    assert seen["longest_silence_us"] == 450_000
    assert seen["longest_stall_us"] == {
        "workers": 450_000,
        "server_cpus": 0,
        "generator_loops": 0,
    }
    (without,) = variant_rows([VARIANTS["uv"]], [session("uv", 100)])
    assert without["pauses"] is None


def test_the_tables_have_pauses_and_how_long_each_part_took() -> None:
    sessions = [*sessions_of_uv(), session("floor", 100)]
    document = {
        "sessions": sessions,
        "summary": variant_rows([VARIANTS["uv"], VARIANTS["floor"]], sessions),
    }
    rows = {row[0]: row[1:] for row in pause_rows(document)}
    assert rows["pauses put down to: all workers (STW-like)"] == ["3", "-"]
    assert rows["longest time without an answer, ms"] == ["450.0", "-"]
    assert rows["- what chance exceeds once in a hundred, ms"] == ["0.8", "-"]
    assert rows["longest stall of a worker, ms"] == ["450.0", "-"]
    assert rows["longest stall of the server's CPUs, ms"] == ["below 20", "-"]
    # Six parts of an eighth of a second in a second, so a quarter of it is the rest.
    parts = part_rows(document)
    assert parts[0] == [
        "s", "sessions", "settle", "start", "ramp", "hold", "traffic", "teardown", "rest", "in all"
    ]  # fmt: skip
    assert [row[0] for row in parts[1:]] == ["libuv", "floor (bare epoll)", "all"]
    assert parts[1][1] == "4"
    assert parts[1][-1] == "4"
    assert parts[3][-1] == "5"
    assert document["summary"][0]["parts_s"]["rest"] == 1.0


def bars(part: Any) -> list[Document]:
    """The data of all layers of a chart that stand in a row."""
    if isinstance(part, list):
        return [bar for each in part for bar in bars(each)]
    if not isinstance(part, dict):
        return []
    return [part] if "row" in part and "begin_s" in part else bars(list(part.values()))


def test_the_first_of_the_largest_sessions_is_drawn() -> None:
    document = {"sessions": sessions_of_uv()}
    drawn = charted_session(document, "uv")
    assert drawn is document["sessions"][1]
    found = bars(pause_chart_of(document, "uv").to_dict())
    assert {each["row"] for each in found} == {"no answer", "workers"}
    assert {each["cause"] for each in found} == {"all_workers"}
    assert {(each["begin_s"], each["end_s"]) for each in found} == {(1.0, 1.3)}
    assert pause_chart_of(document, "floor") is None


def test_the_fakes_are_documents_of_the_programs() -> None:
    check("pauses", server(((1, 2),)))
    check("pauses", generator((1, 2)))
