"""The order of a run, and sizes that are fitted to the machine."""

import pytest

from c1m.backends import BACKENDS
from c1m.failure import ExitCode, LimitError
from c1m.plan import fit, plan_rounds, templates
from c1m.profile import read_profile

ALL = list(BACKENDS)


def test_a_round_runs_every_backend_once() -> None:
    for each in plan_rounds(read_profile("quick"), ALL, 1):
        expected = ALL if each.cells[0].stacks is None else ["coro"]
        assert sorted(cell.backend for cell in each.cells) == sorted(expected)
        assert len({(cell.group, cell.repetition, cell.seed) for cell in each.cells}) == 1


def test_repetitions_are_interleaved() -> None:
    rounds = plan_rounds(read_profile("quick"), ALL, 1)
    repetitions = [each.cells[0].repetition for each in rounds]
    assert repetitions == sorted(repetitions)
    first = [each.cells[0].group for each in rounds if each.cells[0].repetition == 1]
    assert len(first) == len(set(first))


def test_every_group_gets_its_repetitions() -> None:
    quick = read_profile("quick")
    rounds = plan_rounds(quick, ALL, 1)
    for template, repetitions in templates(quick):
        made = [each for each in rounds if each.cells[0].group == template.group]
        assert [each.cells[0].repetition for each in made] == list(range(1, repetitions + 1))


def test_the_seed_decides_the_order() -> None:
    quick = read_profile("quick")

    def order(seed: int) -> list[str]:
        return [cell.backend for each in plan_rounds(quick, ALL, seed) for cell in each.cells]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_every_backend_comes_first_now_and_then() -> None:
    rounds = plan_rounds(read_profile("full"), ALL, 1)
    assert {each.cells[0].backend for each in rounds} == set(ALL)


def test_both_protocols_are_run_in_groups_of_their_own() -> None:
    for name in ("smoke", "quick", "full"):
        cells = [cell for cell, _ in templates(read_profile(name))]
        over_ws = [cell for cell in cells if cell.protocol == "ws"]
        assert {cell.experiment for cell in over_ws} >= {"efficiency", "memory"}
        assert all("/ws" in cell.group for cell in over_ws)
        assert all("over WebSocket" in cell.title for cell in over_ws)
        assert len({cell.group for cell in cells}) == len(cells)


@pytest.mark.parametrize("protocol", ["echo", "ws"])
def test_the_memory_ladder_is_climbed_with_compact_stacks_too(protocol: str) -> None:
    rounds = plan_rounds(read_profile("full"), ALL, 1)
    rungs: dict[str | None, list[int]] = {None: [], "compact": []}
    for each in rounds:
        cell = each.cells[0]
        if (cell.experiment, cell.protocol, cell.repetition) == ("memory", protocol, 1):
            rungs[cell.stacks].append(cell.connections)
        assert cell.stacks is None or cell.experiment == "memory"
    assert rungs["compact"] == rungs[None] != []


def test_without_coroutines_nothing_is_run_with_compact_stacks() -> None:
    rounds = plan_rounds(read_profile("quick"), ["uv", "floor"], 1)
    assert all(cell.stacks is None for each in rounds for cell in each.cells)
    assert all(each.cells for each in rounds)


def test_the_ladder_over_websocket_is_reduced_too() -> None:
    fitted, notes = fit(read_profile("full"), 12_000, "memory")
    assert fitted.memory_ws is not None
    assert max(fitted.memory_ws.rungs) == 12_000
    assert any("19000 connections wanted, 12000 made" in note for note in notes)


def test_sizes_are_reduced_with_a_note() -> None:
    fitted, notes = fit(read_profile("quick"), 2000, "descriptors of a process")
    assert max(cell.connections for cell, _ in templates(fitted)) == 2000
    assert len(templates(fitted)) == len({cell.group for cell, _ in templates(fitted)})
    assert any("5000 connections wanted, 2000 made" in note for note in notes)
    assert all("descriptors of a process" in note for note in notes)


def test_points_that_become_the_same_are_run_once() -> None:
    # The points with 100 and with 5,000 connections at 5,000 requests a second become one.
    fitted, _ = fit(read_profile("quick"), 50, "memory")
    assert fitted.latency is not None
    assert fitted.latency.points == [[50, 5000], [50, 10000]]


def test_nothing_is_reduced_without_need() -> None:
    quick = read_profile("quick")
    assert fit(quick, 19_000, "memory") == (quick, [])


def test_a_machine_that_is_too_small_is_refused() -> None:
    with pytest.raises(LimitError, match="memory") as caught:
        fit(read_profile("quick"), 3, "memory")
    assert caught.value.code == ExitCode.LIMIT
