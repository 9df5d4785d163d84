"""Waiting for room in the kernel's table of connections, on files of known content."""

from collections.abc import Callable
from pathlib import Path

import pytest

from c1m.doctor.facts import System
from c1m.kernel.tracking import ConnectionTable
from c1m.stop_request import StopRequest

CONNECTIONS = 1000


class Sleeper(StopRequest):
    """Sleeps no time, but lets something happen."""

    def __init__(self, happens: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.happens = happens
        self.sleeps = 0

    def sleep(self, duration_s: float) -> None:
        assert duration_s > 0
        self.sleeps += 1
        self.happens()


def write_table(root: Path, tracked: int, most: int = 10_000) -> Path:
    directory = root / "proc/sys/net/netfilter"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nf_conntrack_max").write_text(f"{most}\n")
    (directory / "nf_conntrack_count").write_text(f"{tracked}\n")
    return root


def waits(root: Path, sleeper: Sleeper, wait_max_s: float = 3600.0) -> list[str]:
    """What it said."""
    said: list[str] = []
    ConnectionTable(sleeper, said.append, System(root), wait_max_s).await_room(CONNECTIONS)
    return said


def test_a_table_with_room_is_not_waited_for(tmp_path: Path) -> None:
    sleeper = Sleeper()
    assert waits(write_table(tmp_path, 8_500), sleeper) == []
    assert sleeper.sleeps == 0


def test_a_full_table_is_waited_for_until_closed_connections_are_forgotten(tmp_path: Path) -> None:
    tracked = [8_501]

    def forget() -> None:
        tracked[0] -= 1 if sleeper.sleeps == 3 else 0
        write_table(tmp_path, tracked[0])

    sleeper = Sleeper(forget)
    (said,) = waits(write_table(tmp_path, 8_501), sleeper)
    assert "8,501 of at most 10,000" in said
    assert sleeper.sleeps == 3


def test_a_wait_in_vain_is_not_repeated(tmp_path: Path) -> None:
    said: list[str] = []
    sleeper = Sleeper()
    system = System(write_table(tmp_path, 10_000))
    table = ConnectionTable(sleeper, said.append, system, wait_max_s=0.01)
    table.await_room(CONNECTIONS)
    slept = sleeper.sleeps
    table.await_room(CONNECTIONS)
    assert sleeper.sleeps == slept
    assert len(said) <= 1


@pytest.mark.parametrize("most", [None, 999, 1052], ids=["not loaded", "too small", "no spare"])
def test_what_waiting_cannot_change_is_not_waited_for(most: int | None, tmp_path: Path) -> None:
    sleeper = Sleeper()
    assert waits(tmp_path if most is None else write_table(tmp_path, 0, most), sleeper) == []
    assert sleeper.sleeps == 0


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    def interrupt() -> None:
        sleeper.signal_name = "SIGINT"

    sleeper = Sleeper(interrupt)
    assert len(waits(write_table(tmp_path, 10_000), sleeper)) == 1
    assert sleeper.sleeps == 1
