"""Waiting for room in the kernel's table of connections, on files of known content."""

import threading
import time
from pathlib import Path

import pytest

from c1m.kernel.tracking import await_room
from c1m.stop_request import StopRequest

CONNECTIONS = 1000


def table(directory: Path, tracked: int, most: int = 10_000) -> Path:
    (directory / "nf_conntrack_max").write_text(f"{most}\n")
    (directory / "nf_conntrack_count").write_text(f"{tracked}\n")
    return directory


def waits(netfilter: Path, stop_request: StopRequest, wait_max_s: float = 0.1) -> list[str]:
    """What it said."""
    said: list[str] = []
    await_room(CONNECTIONS, stop_request, said.append, netfilter, wait_max_s)
    return said


def test_a_table_with_room_is_not_waited_for(tmp_path: Path) -> None:
    assert waits(table(tmp_path, 8_500), StopRequest()) == []


def test_a_full_table_is_waited_for_until_closed_connections_are_forgotten(tmp_path: Path) -> None:
    netfilter = table(tmp_path, 8_501)
    forgetting = threading.Timer(0.1, table, (tmp_path, 100))
    forgetting.start()
    started = time.monotonic()
    (said,) = waits(netfilter, StopRequest(), wait_max_s=60)
    forgetting.join()
    assert "8,501 of at most 10,000" in said
    assert 0.1 <= time.monotonic() - started < 60


def test_a_table_that_stays_full_is_given_up(tmp_path: Path) -> None:
    assert len(waits(table(tmp_path, 10_000), StopRequest())) == 1


@pytest.mark.parametrize("most", [None, 999], ids=["not loaded", "never has room"])
def test_what_waiting_cannot_change_is_not_waited_for(most: int | None, tmp_path: Path) -> None:
    netfilter = tmp_path if most is None else table(tmp_path, 999, most)
    assert waits(netfilter, StopRequest(), wait_max_s=60) == []


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    stopped = StopRequest()
    stopped.signal_name = "SIGINT"
    assert waits(table(tmp_path, 10_000), stopped, wait_max_s=60) == []
