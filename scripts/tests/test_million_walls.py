"""Which sessions profile million makes: rounds, what follows from a wall, from a ramp that was too
fast for the server, and from a session that is not valid. Sessions themselves are made up.
"""

from dataclasses import replace
from typing import Any

import pytest
from million_sessions import session

from c1m.documents import Document
from c1m.million import million_run
from c1m.million.million_report import verdict
from c1m.million.million_run import MillionRun
from c1m.million.variant_rows import variant_rows
from c1m.million.variants import select_variants
from c1m.million.walls import wall_of
from c1m.profile import read_profile


class FakeSessions:
    """Stands for run_session(): a wall where `walls` has one for the variant, below it success."""

    def __init__(self, walls: dict[str, int], spoilt: int = 0, cause: str = "EAGAIN") -> None:
        self.walls, self.spoilt, self.cause = walls, spoilt, cause
        self.asked: list[tuple[str, int, str]] = []
        self.ticks_ms: dict[int, set[int]] = {}  # by connections

    def __call__(self, plan: Any, _order: int, *_: Any) -> tuple[Document, bool]:
        self.asked.append((plan.variant.name, plan.connections, plan.choice))
        self.ticks_ms.setdefault(plan.connections, set()).add(plan.pause_tick_ms)
        most = self.walls.get(plan.variant.name)
        wall = None
        if most is not None and plan.connections > most:
            document = {"connections": {"established": most, "at_end": most}}
            wall = wall_of(self.cause, plan.connections, document, most, 1)
        valid = wall is None and self.spoilt == 0
        self.spoilt -= wall is None and self.spoilt > 0
        made = session(plan.variant.name, plan.connections, valid, wall)
        return made | {"choice": plan.choice, "repetition": plan.repetition}, False


def million(
    monkeypatch: pytest.MonkeyPatch,
    fake: FakeSessions,
    names: str,
    measured_once: tuple[str, ...] = (),
    extra_s_max: float = 240,
    subset_percent: int = 0,
) -> MillionRun:
    monkeypatch.setattr(million_run, "run_session", fake)
    profile = read_profile("million")
    assert profile.million is not None
    settings = replace(
        profile.million,
        connections=1000,
        rungs_percent=[10, 100],
        repetitions=[2, 1],
        measured_once=list(measured_once),
        extra_s_max=extra_s_max,
        meter_tick_ms=20,
        subset_percent=subset_percent,
    )
    variants = select_variants(names)
    targets = {variant.name: 1000 for variant in variants}
    workshop: Any = type("Workshop", (), {"placement": type("Placement", (), {"generator": "0"})})
    run = MillionRun(settings, profile.run, variants, targets, 1, workshop, lambda _: None)
    run.run()
    return run


def test_a_variant_is_measured_just_below_its_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({"threads": 600})
    run = million(monkeypatch, fake, "threads,floor")
    mine = [
        count for name, count, choice in fake.asked if name == "threads" and choice == "uniform"
    ]
    assert mine == [100, 100, 1000, 570]
    assert [count for name, count, _ in fake.asked if name == "floor"] == [100, 100, 1000]
    rows = {row["variant"]: row for row in variant_rows(run.variants, run.sessions)}
    assert (rows["threads"]["connections"], rows["floor"]["connections"]) == (570, 1000)
    assert [wall["reached"] for wall in run.walls] == [600]
    assert run.invalid_reasons() == []
    assert rows["floor"]["connects_over_floor"]["value"] == 1


def test_below_a_wall_of_memory_there_is_room_for_use(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({"threads": 600}, cause="memory: too much of it is in use")
    million(monkeypatch, fake, "threads")
    # 20 MB a connection once used, and 12 GB of which 2 were in use before: 500, and 95 % of them.
    assert [count for _, count, _ in fake.asked[:4]] == [100, 100, 1000, 475]


def test_a_variant_that_meets_wall_after_wall_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({"uv": 0})
    run = million(monkeypatch, fake, "uv")
    assert [count for _, count, _ in fake.asked] == [100, 50, 25, 12, 6]
    assert run.invalid_reasons() == ["uv: no session is valid"]


def test_a_session_that_is_not_valid_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({}, spoilt=2)
    run = million(monkeypatch, fake, "uv")
    assert [count for _, count, _ in fake.asked] == [100, 100, 100, 100, 1000]
    assert run.invalid_reasons() == []
    fake = FakeSessions({}, spoilt=3)
    assert million(monkeypatch, fake, "uv").invalid_reasons() == ["uv-100: x: broken"] * 3


def test_sessions_made_again_have_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each takes a second, so that two of them may be made again.
    fake = FakeSessions({}, spoilt=6)
    run = million(monkeypatch, fake, "uv", extra_s_max=2.5)
    assert [count for _, count, _ in fake.asked] == [100, 100, 100, 100, 1000]
    assert run.invalid_reasons() != []


def test_meters_of_pauses_are_on_in_the_largest_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({"threads": 600})
    million(monkeypatch, fake, "threads,floor")
    assert fake.ticks_ms == {100: {0}, 1000: {20}, 570: {20}}


def test_some_variants_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({})
    million(monkeypatch, fake, "uv,floor", ("uv",))
    mine = {name: [each[1:] for each in fake.asked if each[0] == name] for name in ("uv", "floor")}
    everything = [(100, "uniform"), (100, "uniform"), (1000, "uniform")]
    assert mine == {"uv": everything[1:], "floor": everything}


def test_at_one_rung_some_connections_carry_the_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSessions({})
    run = million(monkeypatch, fake, "uv,threads", ("threads",), subset_percent=10)
    mine = {
        name: [each[1:] for each in fake.asked if each[0] == name] for name in ("uv", "threads")
    }
    few, many = (100, "active:100"), (1000, "uniform")
    assert mine == {"uv": [few, few, many], "threads": [few, many]}
    rows = variant_rows(run.variants, run.sessions)
    assert [row["connections"] for row in rows] == [1000, 1000]
    assert [row["subset"]["connections"] for row in rows] == [100, 100]


class OutrunSessions(FakeSessions):
    """A server that accepts 1,000 a second and has memory for 600 connections, which also those
    take that only wait in the kernel, as all do that come faster.
    """

    def __call__(self, plan: Any, order: int, *rest: Any) -> tuple[Document, bool]:
        made, stopped = super().__call__(plan, order, *rest)
        self.paces.append(plan.connect_rate_per_s)
        made["accepts_per_s"] = 1000.0
        ahead = min(1.0, 1000 / plan.connect_rate_per_s)
        if made["wall"] is not None:
            made["wall"]["reached"] = round(made["wall"]["established"] * ahead)
        return made, stopped

    def __init__(self, walls: dict[str, int]) -> None:
        super().__init__(walls)
        self.paces: list[int] = []


def test_a_server_that_was_outrun_meets_its_wall_at_its_own_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = OutrunSessions({"threads": 600})
    run = million(monkeypatch, fake, "threads")
    assert [count for _, count, _ in fake.asked[:5]] == [100, 100, 1000, 1000, 570]
    assert fake.paces[:5] == [50_000, 50_000, 50_000, 800, 800]
    assert [wall["reached"] for wall in run.walls] == [12, 600]
    assert variant_rows(run.variants, run.sessions)[0]["connections"] == 570


def test_a_proof_that_came_too_early_slows_the_next_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    paces = []

    def unproven(plan: Any, _order: int, *_: Any) -> tuple[Document, bool]:
        paces.append(plan.connect_rate_per_s)
        made = session(plan.variant.name, plan.connections, valid=len(paces) > 1)
        if len(paces) == 1:
            made["ramp"][0]["accepted"] //= 2
            made["validity"]["checks"] = [{"name": "proven_alive", "ok": False}]
        return made | {"choice": plan.choice, "repetition": plan.repetition}, False

    fake: Any = unproven
    million(monkeypatch, fake, "threads")
    assert paces[:3] == [50_000, 24_000, 24_000]


def test_the_verdict_of_a_valid_run_names_what_had_to_be_repeated() -> None:
    sessions = [session("threads", 100, valid=False), session("threads", 100)]
    document: Document = {"run": {"valid": True}, "sessions": sessions}
    assert "repeated: threads-100: x: broken" in verdict(document)
    assert "every session that met no wall" in verdict(document | {"sessions": sessions[1:]})
