"""Documents of --pauses as the fake programs leave them: the worker of the server stands still at
times that both fakes know, and the generator sees the service silent meanwhile.

Invariant: of the form that the schema asks for. Not here: the programs (fake_programs.py).
"""

import time
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
Block = Callable[[list[float]], Document]  # percentiles of values in us


def meter(block: Block, kind: str, stalls: list[tuple[int, int]], **more: Any) -> Document:
    """A meter of --pauses."""
    used = ("cpu_ns", "run_queue_delay_ns", "page_faults_minor", "page_faults_major")
    places = ("shard", "worker", "cpu", "target", "answers", "expected_longest_us")
    name = "silence_us" if kind == "silence" else "delay_us"
    return {
        "kind": kind,
        **dict.fromkeys(places),
        "histograms": {name: block([(end - begin) / 1000 for begin, end in stalls])},
        "unavailable": {},
        "stalls_total": len(stalls),
        "stalls": [
            {"begin_ns": begin, "end_ns": end, "amount_ns": end - begin, **dict.fromkeys(used, 0)}
            for begin, end in stalls
        ],
        **more,
    }


def pauses(head: Document, side: str, begin_ns: int, meters: list[Document]) -> Document:
    """A document of --pauses."""
    return {
        "schema_version": 1,
        "kind": "c1m-pauses",
        **head,
        "side": side,
        "backend": None,
        "begin_monotonic_ns": begin_ns,
        "end_monotonic_ns": time.monotonic_ns(),
        "tick_us": 1000.0,
        "meters": meters,
    }


def server_pauses(head: Document, begin_ns: int, block: Block) -> Document:
    """The worker stands still at the times of regular_stalls()."""
    loop = meter(block, "loop", regular_stalls(begin_ns), shard=0, worker=0)
    return pauses(head, "server", begin_ns, [meter(block, "hiccup", [], cpu=0), loop])


def regular_stalls(begin_ns: int) -> list[tuple[int, int]]:
    """20 ms in every 400 ms of the clock since `begin_ns`, which both fakes agree on."""
    period, length = 400_000_000, 20_000_000
    first = begin_ns // period + 1
    last = time.monotonic_ns() // period
    return [(n * period, n * period + length) for n in range(first, last + 1)]


def load_pauses(head: Document, start_ns: int, block: Block) -> Document:
    """The service is silent meanwhile."""
    silent = regular_stalls(start_ns - 1)
    figures = {"answers": 800, "expected_longest_us": 3342.0}
    return pauses(
        head,
        "generator",
        start_ns,
        [
            meter(block, "loop", [], shard=0, worker=0),
            meter(block, "silence", silent, **figures),
            meter(block, "silence", silent, target="127.0.0.1:7000", **figures),
        ],
    )
