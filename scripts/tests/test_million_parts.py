"""The parts of profile million on files and sessions of known content: memory taken apart, the
guard, the words of a wall, slopes. Not here: which sessions a run makes (test_million_walls.py).
"""

import os
from pathlib import Path
from typing import Any

import pytest
from million_sessions import session

from c1m.documents import Document
from c1m.failure import UsageError
from c1m.million.footprint import (
    kernel_growth,
    open_descriptors,
    read_host,
    read_side,
    read_slab,
    split_of,
)
from c1m.million.slopes import slab_of_server, slopes
from c1m.million.variants import select_variants
from c1m.million.walls import MemoryGuard, wall_of
from c1m.million.watch import Intake, other_growth
from c1m.profile import parse_profile, read_profile

MIB = 1 << 20


def mapping(addresses: str, rights: str, pss_kb: int, inode: int = 0, name: str = "") -> str:
    flags = "rd wr mr mw me ac nh" if name == "arena" else "rd wr mr mw me ac sd"
    shown = "" if name == "arena" else name
    return (
        f"{addresses} {rights} 00000000 08:01 {inode}    {shown}\n"
        f"Size:    4 kB\nPss:    {pss_kb} kB\nPss_Dirty:  1 kB\nVmFlags: {flags}\n"
    )


SMAPS = "".join(
    [
        mapping("400000-500000", "r-xp", 100, 77, "c1m-threads"),
        mapping("700000-800000", "rw-p", 30, 0, "[heap]"),
        mapping("7f0000000000-7f0000100000", "rw-p", 5),
        # A guard of a page, and the thread's stack right above it.
        mapping("7f0000200000-7f0000201000", "---p", 0),
        mapping("7f0000201000-7f0000211000", "rw-p", 8),
        # What an allocator's arena has not used yet is no guard: it is too large.
        mapping("7f0000300000-7f0004000000", "---p", 0),
        mapping("7f0004000000-7f0004100000", "rw-p", 16),
        # A guard, but not right below.
        mapping("7f0005000000-7f0005001000", "---p", 0),
        mapping("7f0005002000-7f0005012000", "rw-p", 32),
        mapping("7f0006000000-7f0007000000", "rw-p", 64, 0, "arena"),
        mapping("7ffe00000000-7ffe00021000", "rw-p", 2, 0, "[stack]"),
        mapping("7ffe00030000-7ffe00031000", "r-xp", 1, 0, "[vdso]"),
    ]
)


def test_mappings_are_binary_heap_or_stacks() -> None:
    assert split_of(SMAPS) == {
        "binary": 101 * 1024,
        "heap": (30 + 5 + 16 + 32) * 1024,
        "stacks": (8 + 64 + 2) * 1024,
    }


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_side_is_added_up_over_its_processes(tmp_path: Path) -> None:
    for pid in (11, 12):
        put(tmp_path, f"proc/{pid}/smaps_rollup", "Rss: 999 kB\nPss: 258 kB\n")
        put(tmp_path, f"proc/{pid}/status", "Name: c1m\nVmPTE:\t  40 kB\n")
        put(tmp_path, f"proc/{pid}/smaps", SMAPS)
    found = read_side(tmp_path, [11, 12])
    assert found is not None
    assert found["pss_bytes"] == 2 * 258 * 1024
    assert found["stacks_bytes"] == 2 * 74 * 1024
    assert found["page_tables_bytes"] == 2 * 40 * 1024
    assert found["split_read_fraction"] == 1
    assert read_side(tmp_path, [11, 13]) is None, "one of them has gone"


def test_a_split_that_takes_too_long_is_scaled_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pid in (11, 12):
        put(tmp_path, f"proc/{pid}/smaps_rollup", "Pss: 258 kB\n")
        put(tmp_path, f"proc/{pid}/status", "VmPTE: 0 kB\n")
    put(tmp_path, "proc/11/smaps", SMAPS)
    monkeypatch.setattr("c1m.million.footprint._SPLIT_BUDGET_S", -1.0)
    found = read_side(tmp_path, [11, 12])
    assert found is not None
    assert found["split_read_fraction"] == 0.5
    assert found["stacks_bytes"] == 2 * 74 * 1024


def test_what_is_in_no_other_figure_is_known() -> None:
    kernel = {
        "slab_bytes": 100,
        "kernel_stack_bytes": 20,
        "page_tables_bytes": 3,
        "socket_buffer_bytes": 0,
        "slab": None,
    }
    before: Document = {**dict.fromkeys(kernel, 0), "slab": None, "allocated_bytes": 1000}
    held: Document = {**kernel, "allocated_bytes": 1200}
    assert (
        other_growth(before, held, kernel_growth(before, held), {"pss_bytes": 30}, {"pss_bytes": 7})
        is None
    ), "no slabinfo"
    slabs: Document = {"slab": {"dentry": (10, 2.0), "proc_inode_cache": (0, 1.0)}}
    held |= {"slab": {"dentry": (14, 2.0), "proc_inode_cache": (4, 1.0)}}
    # Watchers left 4 bytes of inodes and 8 of entries, which are no part of the slab's 100.
    grown = kernel_growth(before | slabs, held)
    found = other_growth(before, held, grown, {"pss_bytes": 30}, {"pss_bytes": 7})
    assert found == 200 - (100 + 20 + 3) - 30 - 7
    assert other_growth(before, held, grown, None, {"pss_bytes": 7}) is None


def test_descriptors_are_counted_without_a_look_at_each() -> None:
    before = open_descriptors(Path("/"), [os.getpid()])
    if before is None:
        pytest.skip("Linux before 6.2: the size of a process's fd directory is 0")
    with Path("/dev/null").open("rb"), Path("/dev/null").open("rb"):
        assert open_descriptors(Path("/"), [os.getpid()]) == before + 2
    assert open_descriptors(Path("/"), [2**22 + 1]) is None


SLAB = """slabinfo - version: 2.1
# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables : slabdata
TCP  {0}  {0} 2368 13 8 : tunables    0    0    0 : slabdata     {0}     {0}      0
filp 10 21 192 21 1 : tunables    0    0    0 : slabdata      1      1      0
dentry 42 42 192 21 1 : tunables  0    0    0 : slabdata     {1}     {1}      0
proc_inode_cache 8 8 700 8 2 : tunables  0    0    0 : slabdata     {2}     {2}      0
"""


def test_kernel_memory_is_what_it_grew_by(tmp_path: Path) -> None:
    meminfo = "MemTotal: 1000 kB\nMemAvailable: {} kB\nSlab: {} kB\nKernelStack: 8 kB\n"
    put(tmp_path, "proc/meminfo", meminfo.format(900, 100) + "PageTables: 4 kB\n")
    put(tmp_path, "proc/net/sockstat", "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0\n")
    put(tmp_path, "proc/slabinfo", SLAB.format(10, 4, 1))
    before = read_host(tmp_path)
    put(tmp_path, "proc/meminfo", meminfo.format(400, 400) + "PageTables: 14 kB\n")
    put(tmp_path, "proc/net/sockstat", "TCP: inuse 9 orphan 0 tw 0 alloc 9 mem 2\n")
    put(tmp_path, "proc/slabinfo", SLAB.format(12, 9, 3))
    held = read_host(tmp_path)
    grown = kernel_growth(before, held)
    assert held["used_bytes"] == 600 * 1024
    assert held["allocated_bytes"] is None, "meminfo has no page cache here"
    # Sixteen inodes of /proc in two slabs of two pages, and a directory entry (a page / 21) each.
    watchers = 4 * 4096 + round(16 * 4096 / 21)
    assert grown["watchers_bytes"] == watchers
    assert grown["slab_bytes"] == 300 * 1024 - watchers
    assert grown["total_bytes"] == (300 + 0 + 10) * 1024 + 2 * 4096 - watchers
    assert grown["slab_by_cache_bytes"] == {
        "TCP": 2 * 8 * 4096,
        "dentry": 5 * 4096,
        "proc_inode_cache": 2 * 2 * 4096,
    }
    (tmp_path / "proc/slabinfo").unlink()
    assert read_slab(tmp_path) is None
    assert kernel_growth(before, read_host(tmp_path))["slab_by_cache_bytes"] is None


@pytest.mark.parametrize(
    ("available_kb", "sign"),
    [(500, None), (250, "are in use, and the profile allows"), (90, "are available, and the")],
)
def test_the_guard_trips_on_either_bound(
    available_kb: int, sign: str | None, tmp_path: Path
) -> None:
    put(tmp_path, "proc/meminfo", f"MemTotal: 1000 kB\nMemAvailable: {available_kb} kB\n")
    reason = MemoryGuard(700 * 1024, 100 * 1024, tmp_path).trips()
    assert (reason is None) if sign is None else (reason is not None and sign in reason)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("memory: 1.00 GB of the machine are available", "memory"),
        ("shard 3 was killed by signal 9 (SIGKILL)", "memory"),
        (
            "c1m-threads: no thread for another connection beside 7: pthread_create: EAGAIN",
            "threads",
        ),
        ("c1m-uv: kernel.pid_max is 300, and every connection is a thread", "threads"),
        ("c1m-load: accept: EMFILE", "descriptors"),
        ("cannot connect to 127.0.0.1:1: EADDRNOTAVAIL (3 times)", "ports"),
        ("vm.max_map_count is 100", "mappings"),
        ("something new", "other"),
    ],
)
def test_a_wall_is_named_by_what_ran_out(cause: str, kind: str) -> None:
    document = {"connections": {"established": 7, "at_end": 5}}
    wall = wall_of(cause, 9, document, 6, 1)
    assert (wall["kind"], wall["reached"], wall["wanted"]) == (kind, 5, 9)
    assert wall_of(cause, 9, None, None, 1)["reached"] == 0
    assert wall_of(cause, 9, document, 3, 1)["reached"] == 3
    document["connections"]["at_end"] = 0  # the server has died
    assert wall_of(cause, 9, document, None, 1)["reached"] == 7


def test_slopes_are_of_valid_sessions_only() -> None:
    sessions = [session("uv", count) for count in (1000, 5000, 9000)]
    spoilt = session("uv", 20_000, valid=False)
    spoilt["memory"]["server"]["pss_bytes"] = 0
    later = session("uv", 30_000, valid=False)
    later["validity"]["memory_valid"] = True  # its traffic alone was spoilt
    found = slopes([*sessions, spoilt, later])
    assert found["server_user_bytes"]["value"] == pytest.approx(300)
    assert found["server_heap_bytes"]["value"] == pytest.approx(100)
    assert found["server_stacks_bytes"]["value"] == pytest.approx(200)
    assert found["kernel_bytes"]["value"] == pytest.approx(6004)
    assert found["other_bytes"]["value"] == pytest.approx(7)
    assert slopes(sessions[:2])["kernel_bytes"] is None, "two points have no interval"


def test_the_servers_slab_is_half_of_what_both_ends_have() -> None:
    assert slab_of_server(session("uv", 10)) == 2000 + 100 + 300
    # A thread a connection: no epoll entry, and every task is the server's.
    assert slab_of_server(session("threads", 10)) == 2000 + 0 + 600
    # Forty bytes of inodes and ten of entries that a watcher left behind belong to nobody.
    for variant, expected in (("uv", 2400), ("threads", 2600)):
        watched = session(variant, 10)
        kernel = watched["memory"]["kernel"]
        kernel["slab_by_cache_bytes"] |= {"proc_inode_cache": 40, "dentry": 10}
        kernel["watchers_bytes"] = 50
        assert slab_of_server(watched) == expected


def test_variants_are_named_by_backend_or_by_themselves() -> None:
    names = [variant.name for variant in select_variants("floor,coro")]
    assert names == ["coro-dedicated", "coro-compact", "floor"]
    assert [variant.name for variant in select_variants("coro-compact")] == ["coro-compact"]
    for text in ("coro,nginx", " , "):
        with pytest.raises(UsageError, match="--backends"):
            select_variants(text)


def test_intake_is_counted_from_descriptors() -> None:
    intake = Intake()
    assert intake.per_s() is None
    assert not intake.complete(1)
    for now, accepted in ((1.0, 0), (1.25, 100)):
        intake.note(now, accepted)
    assert intake.per_s() is None, "one look has no length"
    for now, accepted in ((1.5, 350), (1.75, 600), (9.0, 600)):
        intake.note(now, accepted)
    assert intake.per_s() == 1000, "what came after the last connection does not count"
    assert intake.complete(600)


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"rungs_percent": [10, 100], "repetitions": [1]}, "2 numbers, repetitions has 1"),
        ({"rungs_percent": [100, 10], "repetitions": [1, 1]}, "must grow"),
        ({"measured_once": ["threads", "nginx"]}, r"measured_once: \['nginx'\]"),
        ({"measured_once": "uv"}, "needs a list of variants"),
        ({"rungs_percent": [10, 101], "repetitions": [1, 1]}, "100"),
        ({"wall_percent": 101}, "100"),
        ({"subset_percent": 100}, "or one of rungs_percent but the last"),
        ({"meter_tick_ms": 1001}, "meter_tick_ms is at most 1000"),
        ({"connections": 0}, "not above 0"),
        ({"rest_s": "long"}, "is not a number"),
    ],
)
def test_wrong_profiles_are_refused(changes: dict[str, Any], sign: str) -> None:
    source = read_profile("million").source
    wrong = {**source, "million": {**source["million"], **changes}}
    with pytest.raises(UsageError, match=sign):
        parse_profile("wrong", wrong, "wrong.toml")


def test_a_million_stands_alone_in_its_profile() -> None:
    source = read_profile("million").source
    mixed = {**source, "memory": read_profile("quick").source["memory"]}
    with pytest.raises(UsageError, match=r"stands alone, without \[memory\]"):
        parse_profile("mixed", mixed, "mixed.toml")
