"""c1m-coro gives the memory of idle connections' stacks back, and each connection then answers."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from conftest import POLLERS, Server, StartServer

TIMEOUT_S = 60
CONNECTIONS = 2_000
# A stack that is not frozen has a page in use.
PAGE_BYTES = 4096
# The record, the descriptor's state and the frames, which are long where nothing is optimized.
FROZEN_BYTES_MAX = 700
FROZEN_BYTES_MAX_UNOPTIMIZED = 3_500
OPTIMIZED = ("release", "bench")
# The buffers that all streams share on io_uring are memory once they have been used.
RING_BYTES = 2_048 * 2_048

FREEZING = ("--freeze-idle-after", "100ms", "--freeze-when", "always")
PAYLOAD = random.Random(5).randbytes(CONNECTIONS + 10_000)

# Version 1 of control groups has a hierarchy a controller, version 2 one for all.
GROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
GROUP_BYTES = 24 << 20
# Reads a file again and again that does not fit into the group, so that it waits for each page; at
# most a minute.
THRASH = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
end = time.monotonic() + 60
while time.monotonic() < end:
    os.lseek(file, 0, os.SEEK_SET)
    while os.read(file, 1 << 16):
        pass
"""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _total(server: Server, field: str) -> int:
    lines = server.stats()
    return int(lines[-1]["total"][field]) if lines else 0


async def _await(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def _echo(streams: list[Stream], size: int) -> None:
    for index, (_, writer) in enumerate(streams):
        writer.write(PAYLOAD[index : index + size])
    for index, (reader, _) in enumerate(streams):
        assert await reader.readexactly(size) == PAYLOAD[index : index + size]


def _private_bytes(server: Server) -> int | None:
    """The shards' private memory in the latest sample that has it: not every one does."""
    totals = (line["total"]["private_dirty_bytes"] for line in reversed(server.stats()))
    return next((int(total) for total in totals if total is not None), None)


async def _open_all(server: Server) -> tuple[list[Stream], Callable[[], float]]:
    """Open connections and echo once; return them and what says how much memory each takes now."""
    await _await(lambda: _private_bytes(server) is not None, "no sample was taken")
    before = _private_bytes(server) or 0
    streams = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(CONNECTIONS)]
    await _echo(streams, 300)
    return streams, lambda: ((_private_bytes(server) or 0) - before) / CONNECTIONS


async def _close(streams: list[Stream]) -> None:
    for _, writer in streams:
        writer.close()
    # A server that has stopped may have reset some.
    closing = (writer.wait_closed() for _, writer in streams)
    await asyncio.gather(*closing, return_exceptions=True)


@pytest.mark.parametrize("poller", POLLERS)
def test_thousands_shrink_and_answer(poller: str, start_server: StartServer) -> None:
    flags = (*FREEZING, "--poller", poller, "--processors", "2")
    server = start_server("coro", *flags)
    if server.ready["preset"] == "asan":
        pytest.skip("AddressSanitizer cannot follow frames that move: nothing is frozen")
    assert server.ready["settings"]["stacks"] == "dedicated"
    assert server.ready["settings"]["freeze_idle_after_s"] == 0.1
    assert server.ready["settings"]["freeze_when"] == "always"

    optimized = server.ready["preset"] in OPTIMIZED
    bytes_max = FROZEN_BYTES_MAX if optimized else FROZEN_BYTES_MAX_UNOPTIMIZED
    if poller == "io_uring" and optimized:
        bytes_max += RING_BYTES // CONNECTIONS

    # What the server says is late, so that the state before an echo could pass for the one after it
    # but for the counters.
    def all_are_frozen(thaws: int) -> bool:
        total = server.stats()[-1]["total"]
        return bool(total["stacks_frozen"] == CONNECTIONS and total["stack_thaws"] >= thaws)

    async def echo_and_freeze_again(streams: list[Stream], size: int) -> None:
        thaws = _total(server, "stack_thaws") + CONNECTIONS
        await _echo(streams, size)
        await _await(lambda: all_are_frozen(thaws), "not all were thawed and frozen again")

    async def converse() -> None:
        streams, bytes_each = await _open_all(server)
        await _await(
            lambda: all_are_frozen(0) and bytes_each() < bytes_max,
            "the memory of the connections has not gone",
        )
        assert _total(server, "stack_bytes_released") >= CONNECTIONS * PAGE_BYTES
        for size in (1, 6_000):  # the last one takes several reads of the server
            await echo_and_freeze_again(streams, size)
        # The last are ended by the server's stop, while they are frozen.
        half = CONNECTIONS // 2
        await _close(streams[:half])
        await _await(lambda: _total(server, "connections_open") == half, "a connection is left")
        assert await asyncio.to_thread(server.stop) == 143
        await _close(streams[half:])

    asyncio.run(asyncio.wait_for(converse(), 2 * TIMEOUT_S))


def test_without_the_flag_a_page_stays_with_each(start_server: StartServer) -> None:
    server = start_server("coro")
    assert server.ready["settings"]["freeze_idle_after_s"] is None

    async def converse() -> None:
        streams, bytes_each = await _open_all(server)
        await _await(lambda: bytes_each() > PAGE_BYTES, "a connection takes less than a page")
        assert _total(server, "stack_freezes") == 0
        await _close(streams)

    asyncio.run(asyncio.wait_for(converse(), TIMEOUT_S))
    assert server.stop() == 143


def test_a_limit_of_memory_that_is_exceeded_freezes(start_server: StartServer) -> None:
    """A megabyte: any process has more."""
    flags = ("--freeze-idle-after", "100ms", "--freeze-when", "1MiB")
    server = start_server("coro", *flags)
    if server.ready["preset"] == "asan":
        pytest.skip("AddressSanitizer cannot follow frames that move: nothing is frozen")
    assert server.ready["settings"]["freeze_above_bytes"] == 1 << 20

    async def converse() -> None:
        stream = await asyncio.open_connection("127.0.0.1", server.port)
        await _await(lambda: _total(server, "stacks_frozen") == 1, "it is not frozen")
        await _echo([stream], 300)
        await _close([stream])

    asyncio.run(asyncio.wait_for(converse(), TIMEOUT_S))
    assert server.stop() == 143


def _make_memory_group() -> Path:
    """Make a control group of so little memory; skips the test where none can be made."""
    for hierarchy, limit in GROUPS:
        try:
            group = Path(tempfile.mkdtemp(prefix="c1m-test-", dir=hierarchy))
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(GROUP_BYTES))
            return group
        group.rmdir()
    pytest.skip("a control group for memory cannot be made here: needs root")


@contextmanager
def _pressure() -> Iterator[None]:
    """A task a CPU waits for memory, so that the kernel's pressure stall information says it."""
    group = _make_memory_group()

    def enter(cpu: int) -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        os.sched_setaffinity(0, {cpu})

    try:
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file, ExitStack() as ended:
            file.write(bytes(4 * GROUP_BYTES))
            file.flush()
            os.fsync(file.fileno())  # only clean pages can be dropped
            for cpu in os.sched_getaffinity(0):
                process = subprocess.Popen(
                    [sys.executable, "-c", THRASH, file.name], preexec_fn=partial(enter, cpu)
                )
                ended.callback(process.wait)
                ended.callback(process.kill)
            yield
    finally:
        group.rmdir()


def _memory_is_short() -> bool:
    """What --freeze-when pressure goes by, as far as others can bring it about."""
    stalls = Path("/proc/pressure/memory").read_text()
    sizes = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available, total = (int(sizes[name].split()[0]) for name in ("MemAvailable", "MemTotal"))
    return float(stalls.split("avg10=")[1].split()[0]) >= 1 or available < total / 10


def test_pressure_of_memory_freezes(start_server: StartServer) -> None:
    """Real pressure, of a process that has too little; the server itself has enough."""
    if not Path("/proc/pressure/memory").exists():
        pytest.skip("this kernel keeps no pressure stall information")
    deadline = time.monotonic() + TIMEOUT_S
    while _memory_is_short():
        if time.monotonic() > deadline:
            pytest.skip("memory is short on this machine, so what it does is shown by nothing")
        time.sleep(1)
    server = start_server("coro", "--freeze-idle-after", "100ms")
    if server.ready["preset"] == "asan":
        pytest.skip("AddressSanitizer cannot follow frames that move: nothing is frozen")
    assert server.ready["settings"]["freeze_when"] == "pressure"

    async def converse() -> None:
        stream = await asyncio.open_connection("127.0.0.1", server.port)
        await _echo([stream], 300)
        await asyncio.sleep(1)
        assert _total(server, "stack_freezes") == 0, "nobody waits for memory yet"
        with _pressure():
            await _await(lambda: _total(server, "stacks_frozen") == 1, "it is not frozen")
        await _echo([stream], 300)
        await _close([stream])

    asyncio.run(asyncio.wait_for(converse(), TIMEOUT_S + 20))
    assert server.stop() == 143
