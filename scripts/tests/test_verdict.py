"""Whether a group, a probe and a run count."""

from typing import Any

import pytest

from c1m.verdict import Required, groups, invalid_reasons, judge_probe, lacking


def cell(backend: str, valid: bool, failed: str = "nothing_lost") -> dict[str, Any]:
    checks = [] if valid else [{"name": failed, "ok": False}]
    return {
        "group": "latency/c100/r2000",
        "experiment": "latency",
        "backend": backend,
        "validity": {"valid": valid, "checks": checks},
    }


def judged(cells: list[dict[str, Any]], required: int) -> list[dict[str, Any]]:
    return groups(cells, [Required("latency/c100/r2000", ["uv", "floor"], required)], [])


def test_a_run_with_enough_valid_repetitions_is_valid() -> None:
    cells = [cell("uv", True), cell("floor", True), cell("uv", False), cell("floor", True)]
    found = judged(cells, 1)
    assert lacking(found) == []
    assert invalid_reasons(found, cells, None) == []
    assert [group["cells"] for group in found] == [2, 2]


def test_a_missing_repetition_is_named_with_the_failed_check() -> None:
    cells = [cell("uv", True), cell("floor", True), cell("uv", False), cell("floor", True)]
    reasons = invalid_reasons(judged(cells, 2), cells, None)
    assert len(reasons) == 1
    assert "latency/c100/r2000, uv: 1 of 2" in reasons[0]
    assert "nothing_lost (1)" in reasons[0]


def test_a_run_that_ended_early_is_never_valid() -> None:
    cells = [cell("uv", True), cell("floor", True)]
    assert invalid_reasons(judged(cells, 2), cells, "stopped by SIGINT") == [
        "the run ended early: stopped by SIGINT",
        "2 of 2 groups lack valid repetitions",
    ]


def test_a_search_counts_by_what_it_held() -> None:
    searches = [
        {"backend": "uv", "connections": 100, "held_rps": 5e4},
        {"backend": "floor", "connections": 100, "held_rps": None},
    ]
    found = groups([], [Required("capacity/c100", ["uv", "floor"], 1)], searches)
    assert [group["valid"] for group in found] == [1, 0]


def probe(p99_us: float | None, *failed: str) -> dict[str, Any]:
    response = None if p99_us is None else {"p99": p99_us}
    checks = [{"name": name, "ok": False} for name in failed]
    return {"latency_us": {"response": response}, "validity": {"checks": checks}}


@pytest.mark.parametrize(
    ("cell_of_probe", "held", "bound_by"),
    [
        (probe(500), True, None),
        (probe(20_000), False, "response_p99"),
        (probe(500, "nothing_late"), False, "server"),
        (probe(20_000, "nothing_late"), False, "response_p99"),
        (probe(500, "send_lag_p99_us"), True, None),
        (probe(500, "generator_cpu", "send_lag_p99_us"), True, None),
        (probe(500, "generator_cpu", "rate_achieved"), False, "generator"),
        (probe(20_000, "generator_cpu"), False, "generator"),
        (probe(20_000, "generator_cpu", "steal"), False, "machine"),
        (probe(20_000, "generator_cpu", "nothing_late"), False, "generator"),
        (probe(500, "softnet_drops"), False, "machine"),
        (probe(None), False, "response_p99"),
    ],
)
def test_a_probe_names_what_bound_it(
    cell_of_probe: dict[str, Any], held: bool, bound_by: str | None
) -> None:
    assert judge_probe(cell_of_probe, 10_000)[:2] == (held, bound_by)
