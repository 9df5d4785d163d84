"""What a pause is put down to, on meters of known intervals: the confusion matrix without a clock.

Times are in ms here. The server has two shards with a worker each on CPU 0, the generator a shard
on CPU 1. Each fault stops what it would stop; each must come out as its own cause and as no other.
"""

import itertools
from typing import Any

import pytest

from c1m.pauses.attribution import Pause, attribute
from c1m.pauses.meters import GENERATOR, SERVER, Meter, Stall, meters_of

MS = 1_000_000
WINDOW = (0, 10_000 * MS)
Interval = tuple[float, float]


def stall(interval: Interval, **use: float) -> Stall:
    begin, end = (round(each * MS) for each in interval)
    used = {name: round(share * (end - begin)) for name, share in use.items()}
    return Stall(begin, end, end - begin, **used)


def meter(side: str, kind: str, interval: Interval | None, **place: int) -> Meter:
    return Meter(side, kind, () if interval is None else (stall(interval),), **place)


def machine(
    silence: Interval | None = None,
    targets: tuple[Interval | None, Interval | None] = (None, None),
    workers: tuple[Stall | None, Stall | None] = (None, None),
    server_cpu: Interval | None = None,
    generator_cpu: Interval | None = None,
    generator_loop: Interval | None = None,
    memory_call: Interval | None = None,
    lock_wait: Interval | None = None,
) -> list[Meter]:
    """All meters, each with at most one stall."""
    loops = [
        Meter(SERVER, "loop", () if each is None else (each,), shard=shard, worker=0)
        for shard, each in enumerate(workers)
    ]
    silences = [
        meter(GENERATOR, "silence", each, target=shard) for shard, each in enumerate(targets)
    ]
    return [
        meter(SERVER, "hiccup", server_cpu, cpu=0),
        *loops,
        meter(SERVER, "memory_call", memory_call, shard=0),
        meter(SERVER, "lock_wait", lock_wait, shard=0),
        meter(GENERATOR, "hiccup", generator_cpu, cpu=1),
        meter(GENERATOR, "loop", generator_loop, shard=0, worker=0),
        meter(GENERATOR, "silence", silence),
        *silences,
    ]


EVENT: Interval = (1000, 1300)
BLOCKED = stall(EVENT, cpu_ns=0.0, run_queue_delay_ns=0.0)
STARVED = stall(EVENT, cpu_ns=0.0, run_queue_delay_ns=0.97)
BUSY = stall(EVENT, cpu_ns=0.99, run_queue_delay_ns=0.0)
BOTH = (EVENT, EVENT)

FAULTS: dict[str, tuple[list[Meter], str, str]] = {
    "all shards stopped": (machine(EVENT, BOTH, (BLOCKED, BLOCKED)), "all_workers", "service"),
    "one shard stopped": (machine(None, (EVENT, None), (BLOCKED, None)), "worker", "target"),
    "one worker, unnoticed": (machine(None, (None, None), (None, BLOCKED)), "worker", "worker"),
    "a handler that computes": (machine(None, (EVENT, None), (BUSY, None)), "worker", "target"),
    "CPU hog": (machine(EVENT, BOTH, (STARVED, STARVED), EVENT), "platform", "service"),
    "one CPU of several": (machine(None, (EVENT, None), (STARVED, None)), "platform", "target"),
    "machine stopped": (
        machine(EVENT, BOTH, (BLOCKED, BLOCKED), EVENT, EVENT, EVENT),
        "platform",
        "service",
    ),
    "generator stopped": (machine(EVENT, BOTH, generator_loop=EVENT), "generator", "service"),
    "generator's CPU taken": (
        machine(EVENT, BOTH, generator_cpu=EVENT, generator_loop=EVENT),
        "generator",
        "service",
    ),
    "slow madvise": (
        machine(None, (EVENT, None), (BLOCKED, None), memory_call=EVENT),
        "runtime",
        "target",
    ),
    "lock": (
        machine(None, (EVENT, None), (BLOCKED, None), lock_wait=EVENT),
        "runtime",
        "target",
    ),
    "network": (machine(EVENT, BOTH), "unexplained", "service"),
}


def only(pauses: list[Pause]) -> Pause:
    (pause,) = pauses
    return pause


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_cause_and_is_one_pause(name: str) -> None:
    meters, cause, seen_as = FAULTS[name]
    pause = only(attribute(meters, *WINDOW))
    assert (pause.cause, pause.seen_as) == (cause, seen_as), pause.detail
    assert (pause.event.begin_ns, pause.event.end_ns) == (1000 * MS, 1300 * MS)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(FAULTS, 2)))
def test_two_faults_after_each_other_keep_their_causes(first: str, second: str) -> None:
    def later(each: Stall) -> Stall:
        return Stall(
            each.begin_ns + 5000 * MS,
            each.end_ns + 5000 * MS,
            each.amount_ns,
            each.cpu_ns,
            each.run_queue_delay_ns,
        )

    both = [
        Meter(
            one.side,
            one.kind,
            (*one.stalls, *(later(each) for each in other.stalls)),
            one.shard,
            one.worker,
            one.cpu,
            one.target,
        )
        for one, other in zip(FAULTS[first][0], FAULTS[second][0], strict=True)
    ]
    causes = [pause.cause for pause in attribute(both, *WINDOW)]
    assert causes == [FAULTS[first][1], FAULTS[second][1]]


def test_without_a_stall_there_is_no_pause() -> None:
    assert attribute(machine(), *WINDOW) == []


def test_short_stalls_of_others_do_not_take_the_blame() -> None:
    short: Interval = (1010, 1050)
    meters = machine(EVENT, BOTH, (BLOCKED, BLOCKED), short, short, short, short, short)
    assert only(attribute(meters, *WINDOW)).cause == "all_workers"


def test_workers_that_stop_one_after_the_other_are_not_stw_like() -> None:
    meters = machine(
        workers=(stall((1000, 1300)), stall((1500, 1800))),
    )
    assert [pause.cause for pause in attribute(meters, *WINDOW)] == ["worker", "worker"]


def test_a_server_with_one_worker_is_never_stw_like() -> None:
    meters = [each for each in machine(EVENT, BOTH, (BLOCKED, None)) if each.shard != 1]
    assert only(attribute(meters, *WINDOW)).cause == "worker"


def test_a_counter_of_lost_time_is_named() -> None:
    throttled = Meter(
        SERVER,
        "throttled",
        (Stall(950 * MS, 1050 * MS, 10 * MS), Stall(1050 * MS, 1350 * MS, 240 * MS)),
    )
    meters = [*machine(EVENT, BOTH, (STARVED, STARVED), EVENT), throttled]
    pause = only(attribute(meters, *WINDOW))
    assert (pause.cause, pause.detail) == ("platform", "throttled")


def test_what_began_outside_the_window_is_left_out() -> None:
    assert attribute(machine(EVENT, BOTH, (BLOCKED, BLOCKED)), 2000 * MS, 9000 * MS) == []


def test_targets_are_numbered_in_the_order_of_the_document() -> None:
    blank: dict[str, Any] = {"shard": None, "worker": None, "cpu": None, "stalls": []}
    document = {
        "side": "generator",
        "meters": [
            {"kind": "silence", "target": None, **blank},
            {"kind": "silence", "target": "127.0.0.1:7000", **blank},
            {"kind": "silence", "target": "127.0.0.1:7001", **blank},
        ],
    }
    assert [each.target for each in meters_of(document)] == [None, 0, 1]
