"""Memory of idle connections: the server's own, and the kernel's, sampled while they are held.

Invariant: a figure is the median of the readings between two moments, of the time after settling;
kernel memory is the difference to the moment before the connections were opened, and on one host
covers both ends. The supervisor reads PSS ever less often as its shards grow, so as not to disturb
requests; idle connections are not disturbed, so the bench reads it itself here.
Sources: proc_meminfo(5) for Slab, KernelStack, PageTables; proc_pid_smaps(5) for smaps_rollup;
"mem" of sockstat counts pages of TCP buffers. Not here: memory in other experiments
(server_figures.py).
"""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from c1m.documents import Document

_PAGE_BYTES = 4096
_KERNEL = {
    "slab_bytes": "Slab",
    "kernel_stack_bytes": "KernelStack",
    "page_tables_bytes": "PageTables",
}
_KERNEL_NAMES = (*_KERNEL, "socket_buffer_bytes")
_USER_NAME = "pss_bytes"

Reading = dict[str, float | None]


def read_kernel(root: Path) -> Reading:
    """One reading of the host's kernel memory; null for what the machine does not offer."""
    values: Reading = dict.fromkeys(_KERNEL_NAMES)
    meminfo = _fields(root / "proc/meminfo")
    for name, key in _KERNEL.items():
        values[name] = meminfo.get(key)
    try:
        lines = (root / "proc/net/sockstat").read_text("ascii").splitlines()
    except OSError:
        return values
    for words in (line.split() for line in lines):
        if words[:1] == ["TCP:"] and "mem" in words:
            values["socket_buffer_bytes"] = float(words[words.index("mem") + 1]) * _PAGE_BYTES
    return values


def read_pss(root: Path, pids: list[int]) -> float | None:
    """Proportional set size of some processes added up; null when one of them cannot be read."""
    total = 0.0
    for pid in pids:
        pss = _fields(root / f"proc/{pid}/smaps_rollup").get("Pss")
        if pss is None:
            return None
        total += pss
    return total


def _fields(path: Path) -> dict[str, float]:
    """Fields of a file of lines such as "Pss:   120 kB", in bytes; empty when it cannot be read."""
    found = {}
    try:
        lines = path.read_text("ascii", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        name, _, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and words[1] == "kB":
            found[name] = float(words[0]) * 1024
    return found


@dataclass
class MemoryProbe:
    """Readings and their times: baseline() before the connections, observe() while held."""

    pids: list[int]
    root: Path = Path("/")
    _before: Reading = field(default_factory=dict)
    _readings: list[tuple[int, Reading]] = field(default_factory=list)

    def baseline(self) -> None:
        """Takes the reading that later ones of the kernel are held against."""
        self._before = read_kernel(self.root)

    def observe(self) -> None:
        """Takes a reading."""
        reading = {**read_kernel(self.root), _USER_NAME: read_pss(self.root, self.pids)}
        self._readings.append((time.monotonic_ns(), reading))

    def user_bytes(self, start_ns: int, end_ns: int) -> float | None:
        """PSS of the server's shards: the median between two moments; null without a reading."""
        return self._median(_USER_NAME, start_ns, end_ns)

    def kernel(self, start_ns: int, end_ns: int) -> Document:
        """The "kernel_memory" object of a cell: medians between two moments, less the baseline."""
        result: Document = {"unavailable": {}}
        for name in _KERNEL_NAMES:
            held, before = self._median(name, start_ns, end_ns), self._before.get(name)
            if held is None or before is None:
                result[name] = None
                result["unavailable"][name] = "no reading in time, or the kernel does not offer it"
            else:
                result[name] = held - before
        parts = [result[name] for name in _KERNEL_NAMES]
        result["total_bytes"] = None if None in parts else sum(parts)
        if result["total_bytes"] is None:
            result["unavailable"]["total_bytes"] = "a part of it is missing"
        return result

    def _median(self, name: str, start_ns: int, end_ns: int) -> float | None:
        inside = [values[name] for moment, values in self._readings if start_ns <= moment <= end_ns]
        known = [value for value in inside if value is not None]
        return statistics.median(known) if known else None
