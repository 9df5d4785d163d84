"""The method itself, end to end: a server that stands still for 1 s in every 10 s.

Open loop: a tenth of the requests falls into the stall and waits uniformly between 0 and 1 s, so
the response percentiles have a closed form: quantile q > 0.9 is (q - 0.9) / 0.1 seconds, hence
p95 = 0.5 s and p99 = 0.9 s. Closed loop: each connection loses one request a stall, and the
percentiles hide it. This is coordinated omission (Gil Tene, "How NOT to Measure Latency").
The bounds are statistical and wide: they hold unless the machine itself stalls for 100 ms.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from conftest import RunLoad, Server, StartServer

STALL_S = 1.0
PERIOD_S = 10.0


@contextmanager
def stalls(pids: list[int]) -> Iterator[None]:
    """Stops the processes for STALL_S in every PERIOD_S while the block runs."""
    done = threading.Event()

    def cycle() -> None:
        begin = time.monotonic()
        while not done.wait(max(0.0, begin + PERIOD_S - STALL_S - time.monotonic())):
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(STALL_S)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            begin += PERIOD_S

    thread = threading.Thread(target=cycle)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _run_with_stalls(run_load: RunLoad, server: Server, *flags: str) -> dict[str, float]:
    with stalls(server.shard_pids):
        run = run_load(
            server.target, "-c", "50", "-d", "20s", "--warmup", "500ms", *flags, timeout_s=90
        )
    latency = run.checked["latency_us"]
    block: dict[str, float] = latency["response"] or latency["service"]
    return block


def test_open_loop_shows_the_closed_form(start_server: StartServer, run_load: RunLoad) -> None:
    block = _run_with_stalls(run_load, start_server("floor"), "-R", "500")
    assert 0.40e6 <= block["p95"] <= 0.60e6
    assert 0.80e6 <= block["p99"] <= 1.00e6
    assert block["max"] >= 0.95e6


def test_closed_loop_hides_the_stall(start_server: StartServer, run_load: RunLoad) -> None:
    block = _run_with_stalls(run_load, start_server("floor"))
    assert block["p99"] < 0.1e6
    assert block["max"] >= 0.9e6
