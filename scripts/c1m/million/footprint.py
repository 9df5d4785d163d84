"""Memory of a session, taken apart: user memory of either side, kernel memory by kind.

User: PSS of every shard (smaps_rollup), split over mappings (smaps) into binary (files), heap and
stacks. Stacks are what the kernel names so, c1m's own arenas (flag "nh": os/address_space.cpp asks
for no huge pages), and mappings right above a guard of a page or so (pthread_create).
Kernel: slab pages by cache (slabinfo), kernel stacks, page tables by process (VmPTE), TCP buffers.

Invariant: what cannot be read is None. Reading takes bounded time: a process with tens of thousands
of mappings is slow to list, so once the budget is spent the split of the rest is scaled up by PSS.
Sources: proc_pid_smaps(5), proc_meminfo(5), slabinfo(5). Not here: slopes (slopes.py).
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from c1m.documents import Document
from c1m.memory_probe import read_kernel

PARTS = ("binary", "heap", "stacks")
_SPLIT_BUDGET_S = 4.0
_GUARD_BYTES_MAX = 64 * 1024
_PAGE_BYTES = 4096
_HEADER = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)\s*(.*)$")


@dataclass
class _Mapping:
    start: int
    end: int
    rights: str
    inode: int
    name: str
    pss_bytes: int = 0
    flags: str = ""


def read_side(root: Path, pids: list[int]) -> Document | None:
    """User memory and page tables of one side's processes; None when one of them has gone."""
    pss = 0
    tables = 0
    split: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    split_pss = 0
    began = time.monotonic()
    for pid in pids:
        rollup = _kilobytes(root / f"proc/{pid}/smaps_rollup", "Pss")
        table = _kilobytes(root / f"proc/{pid}/status", "VmPTE")
        if rollup is None or table is None:
            return None
        pss += rollup
        tables += table
        if split_pss and time.monotonic() - began > _SPLIT_BUDGET_S:
            continue
        try:
            parts = split_of((root / f"proc/{pid}/smaps").read_text("ascii", errors="replace"))
        except OSError:
            return None
        for name in PARTS:
            split[name] += parts[name]
        split_pss += rollup
    scale = pss / split_pss if split_pss else 0.0
    return {
        "processes": len(pids),
        "pss_bytes": pss,
        **{f"{name}_bytes": round(split[name] * scale) for name in PARTS},
        "split_read_fraction": round(split_pss / pss, 4) if pss else 0.0,
        "page_tables_bytes": tables,
    }


def split_of(smaps: str) -> dict[str, int]:
    """PSS in bytes by part, of the text of one smaps file."""
    parts = dict.fromkeys(PARTS, 0)
    before: _Mapping | None = None
    for mapping in _mappings(smaps):
        parts[_part(mapping, before)] += mapping.pss_bytes
        before = mapping
    return parts


def _part(mapping: _Mapping, before: _Mapping | None) -> str:
    if mapping.inode != 0 or mapping.name in ("[vdso]", "[vvar]", "[vsyscall]"):
        return "binary"
    if mapping.name.startswith("[stack") or " nh" in mapping.flags:
        return "stacks"
    guarded = (
        before is not None
        and before.end == mapping.start
        and before.inode == 0
        and before.rights.startswith("---")
        and before.end - before.start <= _GUARD_BYTES_MAX
    )
    return "stacks" if guarded and not mapping.name else "heap"


def _mappings(smaps: str) -> list[_Mapping]:
    found: list[_Mapping] = []
    for line in smaps.splitlines():
        header = _HEADER.match(line)
        if header:
            start, end, rights, inode, name = header.groups()
            found.append(_Mapping(int(start, 16), int(end, 16), rights, int(inode), name.strip()))
        elif line.startswith("Pss:"):
            found[-1].pss_bytes = int(line.split()[1]) * 1024
        elif line.startswith("VmFlags:"):
            found[-1].flags = line.removeprefix("VmFlags:")
    return found


def read_slab(root: Path) -> dict[str, tuple[int, float]] | None:
    """Of every slab cache the bytes of its pages, and of an object with its share of the waste.

    None where slabinfo cannot be read (no root).
    """
    try:
        lines = (root / "proc/slabinfo").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = {}
    for line in lines:
        words = line.split()
        if len(words) > 15 and words[6] == ":":
            slab_bytes = int(words[5]) * _PAGE_BYTES
            found[words[0]] = (int(words[14]) * slab_bytes, slab_bytes / int(words[4]))
    return found


def read_host(root: Path) -> Document:
    """The machine's memory: kernel memory by kind, what is used in all, slab pages by cache.

    `used_bytes` is what is not available to others; `allocated_bytes` what is neither free nor page
    cache: of the slab that the kernel could reclaim, as inodes of sockets in use, only the latter
    has all.
    """
    total = _kilobytes(root / "proc/meminfo", "MemTotal")
    available = _kilobytes(root / "proc/meminfo", "MemAvailable")
    known = total is not None and available is not None
    unused = [_kilobytes(root / "proc/meminfo", name) for name in ("MemFree", "Buffers", "Cached")]
    apart = [size for size in unused if size is not None]
    return {
        **read_kernel(root),
        "used_bytes": total - available if known and total and available is not None else None,
        "allocated_bytes": total - sum(apart) if total is not None and len(apart) == 3 else None,
        "slab": read_slab(root),
    }


def kernel_growth(before: Document, held: Document) -> Document:
    """What the kernel's memory has grown by between two read_host().

    Whoever looks through /proc/PID/fd meanwhile (a monitor, ss -p) leaves an inode
    and a directory entry for each descriptor behind. They are no cost of a connection:
    `watchers_bytes` has them apart, and the slab and the total are without them.
    """
    names = ("slab_bytes", "kernel_stack_bytes", "page_tables_bytes", "socket_buffer_bytes")
    grown: Document = {
        name: None if held[name] is None or before[name] is None else held[name] - before[name]
        for name in names
    }
    grown["slab_by_cache_bytes"] = grown["watchers_bytes"] = None
    if held["slab"] is not None and before["slab"] is not None:
        each = {
            name: size - before["slab"].get(name, (0, 0))[0]
            for name, (size, _) in held["slab"].items()
        }
        largest = sorted(each, key=lambda name: -each[name])[:12]
        grown["slab_by_cache_bytes"] = {name: each[name] for name in largest if each[name] > 0}
        grown["watchers_bytes"] = _left_by_watchers(each, held["slab"])
        if grown["slab_bytes"] is not None:
            grown["slab_bytes"] -= grown["watchers_bytes"]
    parts = [grown[name] for name in names]
    grown["total_bytes"] = None if None in parts else sum(parts)
    return grown


def _left_by_watchers(each: dict[str, int], slab: dict[str, tuple[int, float]]) -> int:
    """Inodes of /proc that came into being, with a directory entry each."""
    inodes = max(0, each.get("proc_inode_cache", 0))
    if inodes == 0:
        return 0
    entry_bytes = slab["dentry"][1] if "dentry" in slab else 0.0
    return round(inodes + inodes / slab["proc_inode_cache"][1] * entry_bytes)


def available_bytes(root: Path) -> tuple[int, int] | None:
    """What is used and what is available, of the machine's memory."""
    total = _kilobytes(root / "proc/meminfo", "MemTotal")
    available = _kilobytes(root / "proc/meminfo", "MemAvailable")
    return None if total is None or available is None else (total - available, available)


def open_descriptors(root: Path, pids: list[int]) -> int | None:
    """Open descriptors of some processes: the size of /proc/PID/fd, which Linux has since 6.2.

    None before that, or when one of them has gone. It costs no look at each descriptor.
    """
    total = 0
    for pid in pids:
        try:
            count = (root / f"proc/{pid}/fd").stat().st_size
        except OSError:
            return None
        if count == 0:
            return None
        total += count
    return total


def children_of(root: Path, pid: int) -> list[int]:
    """The processes that a process has started (proc_pid_task_tid_children(5))."""
    try:
        text = (root / f"proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _kilobytes(path: Path, key: str) -> int | None:
    try:
        text = path.read_text("ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None
