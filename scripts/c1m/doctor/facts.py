"""What the kernel says about the machine: /proc and /sys, read below one root.

Invariant: every read goes through System, so that a test can give a tree of files in place of the
machine; a file that is not there is None, never a guess.
Not here: what a value allows (limits.py).
"""

import os
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from c1m.documents import Document, InvalidDocumentError, read
from c1m.placement import parse_cpu_list


@dataclass(frozen=True)
class Cgroup:
    """Limits of the process's control group; None is no limit, or no such controller."""

    version: int | None
    cpu_cores: float | None
    memory_bytes: int | None
    memory_used_bytes: int | None
    pids: int | None
    pids_used: int | None


@dataclass
class System:
    """The machine below `root`. Limits of this process and its CPUs are given, or asked from the
    kernel.
    """

    root: Path = Path("/")
    descriptors: tuple[int, int] = field(
        default_factory=lambda: resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    processes: tuple[int, int] = field(default_factory=lambda: _process_limit())
    allowed_cpus: list[int] = field(default_factory=lambda: _allowed_cpus())
    open_loopback: Callable[[int], list[socket.socket]] = lambda count: _open_loopback(count)
    calibration_path: Path = field(default_factory=lambda: _calibration_path())

    def text(self, path: str) -> str | None:
        """Contents of a file without the white space around it; None when it cannot be read."""
        try:
            return (self.root / path.lstrip("/")).read_text("utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """A file that holds one number."""
        return _number(self.text(path))

    def sysctl(self, name: str) -> str | None:
        """A kernel setting by its sysctl name; several values stand with single spaces between
        them.
        """
        value = self.text("/proc/sys/" + name.replace(".", "/"))
        return None if value is None else " ".join(value.split())

    def meminfo_bytes(self, key: str) -> int | None:
        """A line of /proc/meminfo in bytes."""
        for line in (self.text("/proc/meminfo") or "").splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return int(value.split()[0]) * 1024
        return None

    def steal_fraction(self) -> float | None:
        """Share of CPU time since boot that the hypervisor took (proc_stat(5))."""
        line = (self.text("/proc/stat") or "").partition("\n")[0].split()
        if len(line) < 9:
            return None
        ticks = [int(word) for word in line[1:9]]
        return ticks[7] / sum(ticks) if sum(ticks) else None

    def siblings(self) -> dict[int, list[int]]:
        """CPU to the CPUs of its core, itself included; a CPU without topology stands alone."""
        found: dict[int, list[int]] = {}
        for cpu in self.allowed_cpus:
            listed = self.text(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
            found[cpu] = parse_cpu_list(listed) if listed else [cpu]
        return found

    def loopback_is_tracked(self) -> bool | None:
        """Whether connection tracking counts loopback connections, found by opening some.

        The module may be loaded without any rule that makes it look at loopback. None without it.
        """
        count_file, opened = "/proc/sys/net/netfilter/nf_conntrack_count", 32
        before = self.number(count_file)
        if before is None:
            return None
        sockets = self.open_loopback(opened)
        after = self.number(count_file)
        for each in sockets:
            each.close()
        return after is not None and after - before >= opened // 2

    def calibration(self) -> Document | None:
        """What `c1m-load --calibrate` has stored; None without a whole one."""
        try:
            return read("calibration", self.calibration_path)
        except (OSError, InvalidDocumentError):
            return None

    def governor(self) -> str | None:
        """Frequency governor of the first allowed CPU; None without frequency control."""
        if not self.allowed_cpus:
            return None
        return self.text(
            f"/sys/devices/system/cpu/cpu{self.allowed_cpus[0]}/cpufreq/scaling_governor"
        )

    def cpu_info(self, key: str) -> str | None:
        """The first line of /proc/cpuinfo with this key."""
        for line in (self.text("/proc/cpuinfo") or "").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
        return None

    def cgroup(self) -> Cgroup:
        """The limits of this process's control groups, of version 2 or 1, nearest limit of all
        ancestors.
        """
        paths: dict[str, str] = {}
        for line in (self.text("/proc/self/cgroup") or "").splitlines():
            _, controllers, path = line.split(":", 2)
            paths.update(dict.fromkeys(controllers.split(","), path))
        if self.text("/sys/fs/cgroup/cgroup.controllers") is not None:
            return self._cgroup_v2(paths.get("", "/"))
        if not paths:
            return Cgroup(None, None, None, None, None, None)
        return self._cgroup_v1(paths)

    def _cgroup_v2(self, path: str) -> Cgroup:
        folders = _ancestors("/sys/fs/cgroup", path)
        quotas = []
        for folder in folders:
            words = (self.text(f"{folder}/cpu.max") or "").split()
            if len(words) == 2 and words[0] != "max":
                quotas.append(int(words[0]) / int(words[1]))
        return Cgroup(
            2,
            min(quotas, default=None),
            self._least(folders, "memory.max"),
            self.number(f"{folders[0]}/memory.current"),
            self._least(folders, "pids.max"),
            self.number(f"{folders[0]}/pids.current"),
        )

    def _cgroup_v1(self, paths: dict[str, str]) -> Cgroup:
        cpu = _ancestors("/sys/fs/cgroup/cpu", paths.get("cpu", "/"))
        memory = _ancestors("/sys/fs/cgroup/memory", paths.get("memory", "/"))
        pids = _ancestors("/sys/fs/cgroup/pids", paths.get("pids", "/"))
        quotas = []
        for folder in cpu:
            quota, period = (
                self.number(f"{folder}/cpu.cfs_quota_us"),
                self.number(f"{folder}/cpu.cfs_period_us"),
            )
            if quota is not None and quota > 0 and period:
                quotas.append(quota / period)
        limit = self._least(memory, "memory.limit_in_bytes")
        unlimited = limit is None or limit >= 2**62
        return Cgroup(
            1,
            min(quotas, default=None),
            None if unlimited else limit,
            self.number(f"{memory[0]}/memory.usage_in_bytes"),
            self._least(pids, "pids.max"),
            self.number(f"{pids[0]}/pids.current"),
        )

    def _least(self, folders: list[str], name: str) -> int | None:
        values = [self.number(f"{folder}/{name}") for folder in folders]
        return min((value for value in values if value is not None), default=None)


def _ancestors(mount: str, path: str) -> list[str]:
    """The group's folder and those above it, nearest first. Inside a container only the mount may
    exist.
    """
    parts = [part for part in path.split("/") if part and part != ".."]
    return ["/".join([mount, *parts[:count]]) for count in range(len(parts), -1, -1)]


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text.split()[0])
    except (ValueError, IndexError):
        return None


def _process_limit() -> tuple[int, int]:
    """RLIMIT_NPROC, which does not bind root (getrlimit(2))."""
    if os.geteuid() == 0:
        return resource.RLIM_INFINITY, resource.RLIM_INFINITY
    return resource.getrlimit(resource.RLIMIT_NPROC)


def _allowed_cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _calibration_path() -> Path:
    """Where c1m-load stores its calibration."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(cache) if cache.startswith("/") else Path.home() / ".cache"
    return folder / "c1m" / "calibration.json"


def _open_loopback(count: int) -> list[socket.socket]:
    """Both ends of up to `count` loopback connections, and their listener."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=count)
    opened = [listener]
    for _ in range(count):
        try:
            opened += [
                socket.create_connection(listener.getsockname(), timeout=1),
                listener.accept()[0],
            ]
        except OSError:
            break
    return opened
