"""Readings of memory from a tree of files in place of /proc."""

import os
import time
from pathlib import Path

from c1m.memory_probe import MemoryProbe, read_kernel, read_pss

FOREVER_NS = 2**62


def write(root: Path, slab_kb: int, pages: int, pss_kb: dict[int, int]) -> None:
    """A machine with this much memory in use."""
    (root / "proc/net").mkdir(parents=True, exist_ok=True)
    (root / "proc/meminfo").write_text(
        f"MemTotal:  24000000 kB\nSlab:  {slab_kb} kB\nKernelStack:  2048 kB\nPageTables:  512 kB\n"
        "HugePages_Total:       0\n"
    )
    (root / "proc/net/sockstat").write_text(
        f"sockets: used 33\nTCP: inuse 3 orphan 0 tw 117 alloc 3 mem {pages}\nUDP: inuse 0 mem 9\n"
    )
    for pid, pss in pss_kb.items():
        (root / f"proc/{pid}").mkdir(exist_ok=True)
        (root / f"proc/{pid}/smaps_rollup").write_text(
            f"5566-7ffe ---p 00000000 00:00 0    [rollup]\nRss:  9999 kB\nPss:  {pss} kB\n"
        )


def test_fields_are_read_in_bytes(tmp_path: Path) -> None:
    write(tmp_path, 1000, 7, {11: 300, 12: 40})
    assert read_kernel(tmp_path) == {
        "slab_bytes": 1000 * 1024,
        "kernel_stack_bytes": 2048 * 1024,
        "page_tables_bytes": 512 * 1024,
        "socket_buffer_bytes": 7 * 4096,
    }
    assert read_pss(tmp_path, [11, 12]) == 340 * 1024


def test_a_shard_that_is_gone_makes_the_sum_unknown(tmp_path: Path) -> None:
    write(tmp_path, 1000, 7, {11: 300})
    assert read_pss(tmp_path, [11, 12]) is None


def test_kernel_memory_is_a_difference_and_user_memory_is_not(tmp_path: Path) -> None:
    write(tmp_path, 1000, 7, {11: 300})
    probe = MemoryProbe([11], tmp_path)
    probe.baseline()
    for slab_kb in (5000, 5100, 9000):
        write(tmp_path, slab_kb, 10, {11: slab_kb})
        probe.observe()
    found = probe.kernel(0, FOREVER_NS)
    assert found["slab_bytes"] == (5100 - 1000) * 1024
    assert found["socket_buffer_bytes"] == 3 * 4096
    assert found["kernel_stack_bytes"] == 0
    assert found["total_bytes"] == (5100 - 1000) * 1024 + 3 * 4096
    assert found["unavailable"] == {}
    assert probe.user_bytes(0, FOREVER_NS) == 5100 * 1024


def test_readings_outside_the_time_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, 1000, 7, {11: 300})
    probe = MemoryProbe([11], tmp_path)
    probe.baseline()
    probe.observe()
    later_ns = time.monotonic_ns()
    write(tmp_path, 2000, 7, {11: 900})
    probe.observe()
    assert probe.user_bytes(later_ns, FOREVER_NS) == 900 * 1024
    assert probe.kernel(later_ns, FOREVER_NS)["slab_bytes"] == 1000 * 1024
    assert probe.user_bytes(FOREVER_NS, FOREVER_NS) is None


def test_what_the_machine_does_not_offer_is_null_with_a_reason(tmp_path: Path) -> None:
    probe = MemoryProbe([11], tmp_path)
    probe.baseline()
    probe.observe()
    found = probe.kernel(0, FOREVER_NS)
    assert found["slab_bytes"] is None
    assert found["total_bytes"] is None
    assert set(found["unavailable"]) == set(found) - {"unavailable"}


def test_this_very_machine_is_read() -> None:
    pss = read_pss(Path("/"), [os.getpid()])
    assert pss is not None
    # Pages that are shared count in part, so the proportional size is at most the resident one.
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert 0 < pss <= resident * 1.1
