"""How many connections each limit of the machine allows, on one host that holds both ends.

Invariant: every limit is evaluated for every backend; where a limit does not bear on a backend its
count is None. The binding limit is the one with the fewest connections.
Sources: proc_sys(5), ip(7), getrlimit(2), cgroups(7); the estimates of backends.py.
Not here: text for people (text.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from c1m.backends import BACKENDS, GENERATOR_BYTES, SOCKET_PAIR_BYTES
from c1m.doctor.facts import System

# As in os/limits.hpp: a shard keeps these for listener, poller, pipes and standard streams.
RESERVED_DESCRIPTORS = 64
# Shards that a run may start on each side.
SHARDS_MAX = 1024
# Loopback offers all of 127.0.0.0/8 as source addresses; the generator uses this many at most.
SOURCE_ADDRESSES = 254
# Memory, threads and descriptors that are left to the rest of the machine.
HEADROOM = 0.9


@dataclass(frozen=True)
class Limit:
    """One limit: its present value and what follows from it."""

    name: str
    value: float | None
    unit: str
    source: str
    connections_max: dict[str, int | None]
    explanation: str
    remedy: str | None
    unavailable: str | None = None


def _for_all(connections: int | None) -> dict[str, int | None]:
    return dict.fromkeys(BACKENDS, connections)


def _for_threads(connections: int | None) -> dict[str, int | None]:
    return {name: connections if backend.threads else None for name, backend in BACKENDS.items()}


def all_limits(system: System) -> list[Limit]:
    """Every limit, whether it binds or not."""
    kinds: list[Callable[[System], Limit]] = [
        _descriptors,
        _open_files,
        _ports,
        _memory,
        _cgroup_memory,
        _tcp_memory,
        _conntrack,
        _epoll_watches,
        _threads_max,
        _pid_max,
        _user_processes,
        _cgroup_pids,
        _maps,
    ]
    return [kind(system) for kind in kinds]


def _descriptors(system: System) -> Limit:
    soft, hard = system.descriptors
    if hard < 0:  # RLIM_INFINITY; fs.nr_open bounds it all the same
        hard = system.number("/proc/sys/fs/nr_open") or 1_048_576
    a_shard = max(0, hard - RESERVED_DESCRIPTORS)
    return Limit(
        "descriptors of a process",
        hard,
        "descriptors",
        "RLIMIT_NOFILE (hard)",
        _for_all(a_shard * SHARDS_MAX),
        f"a shard holds at most {a_shard} connections (soft limit {soft} is raised to the "
        f"hard one); "
        f"more connections are spread over shards, up to {SHARDS_MAX} a side",
        f"ulimit -Hn {system.sysctl('fs.nr_open') or 1048576}"
        "   # as root, or LimitNOFILE= of the service",
    )


def _open_files(system: System) -> Limit:
    value = system.number("/proc/sys/fs/file-max")
    allowed = None if value is None else int(value * HEADROOM) // 2
    return Limit(
        "open files of the machine",
        value,
        "files",
        "fs.file-max",
        _for_all(allowed),
        "both ends of a connection are open files",
        "sysctl -w fs.file-max=2500000",
        None if value is not None else "fs.file-max cannot be read",
    )


def _ports(system: System) -> Limit:
    text = system.sysctl("net.ipv4.ip_local_port_range")
    if text is None:
        return _missing("ephemeral ports", "ports", "net.ipv4.ip_local_port_range")
    first, last = (int(word) for word in text.split()[:2])
    ports = last - first + 1
    return Limit(
        "ephemeral ports",
        ports,
        "ports",
        "net.ipv4.ip_local_port_range",
        _for_all(ports * SOURCE_ADDRESSES),
        f"{ports} ports for each pair of source address and server port; the generator takes up to "
        f"{SOURCE_ADDRESSES} addresses of 127.0.0.0/8, and each server shard adds a port",
        'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
    )


def _bytes_a_connection(name: str) -> int:
    backend = BACKENDS[name]
    return SOCKET_PAIR_BYTES + GENERATOR_BYTES + backend.user_bytes + backend.kernel_bytes


def _memory_counts(free_bytes: int | None) -> dict[str, int | None]:
    if free_bytes is None:
        return _for_all(None)
    return {
        name: int(max(0, free_bytes) * HEADROOM) // _bytes_a_connection(name) for name in BACKENDS
    }


def _memory(system: System) -> Limit:
    value = system.meminfo_bytes("MemAvailable")
    costs = ", ".join(f"{name} {_bytes_a_connection(name)}" for name in BACKENDS)
    return Limit(
        "memory",
        value,
        "bytes",
        "MemAvailable of /proc/meminfo",
        _memory_counts(value),
        f"estimated bytes a connection, both ends and the kernel: {costs}; a tenth is left "
        "to the rest",
        None,
        None if value is not None else "/proc/meminfo cannot be read",
    )


def _cgroup_memory(system: System) -> Limit:
    group = system.cgroup()
    free = (
        None if group.memory_bytes is None else group.memory_bytes - (group.memory_used_bytes or 0)
    )
    knob = "memory.max" if group.version == 2 else "memory.limit_in_bytes"
    return Limit(
        "memory of the cgroup",
        group.memory_bytes,
        "bytes",
        f"cgroup v{group.version or '-'} {knob}",
        _memory_counts(free),
        "kernel memory of sockets and stacks is charged to the cgroup too",
        f"raise {knob} of the cgroup (docker run --memory)",
        None if group.memory_bytes is not None else "no limit is set",
    )


def _tcp_memory(system: System) -> Limit:
    text = system.sysctl("net.ipv4.tcp_mem")
    if text is None:
        return _missing("TCP buffer pages", "pages", "net.ipv4.tcp_mem")
    pages = int(text.split()[2])
    return Limit(
        "TCP buffer pages",
        pages,
        "pages",
        "net.ipv4.tcp_mem (third value)",
        _for_all(None),
        "idle connections use none; a message in flight takes a page at each end, so this many "
        "pages bound the messages in flight, not the connections",
        'sysctl -w net.ipv4.tcp_mem="1048576 1572864 2097152"',
    )


def _conntrack(system: System) -> Limit:
    value = system.number("/proc/sys/net/netfilter/nf_conntrack_max")
    used = system.number("/proc/sys/net/netfilter/nf_conntrack_count")
    if value is None:
        return _missing(
            "connection tracking", "connections", "net.netfilter.nf_conntrack_max", "not loaded"
        )
    tracking = system.loopback_is_tracked()
    return Limit(
        "connection tracking",
        value,
        "connections",
        "net.netfilter.nf_conntrack_max",
        _for_all(max(0, value - (used or 0)) if tracking else None),
        f"{used if used is not None else 'an unknown number of'} connections are tracked now"
        + ("" if tracking else "; loopback is not tracked (tried), so it does not bind"),
        "sysctl -w net.netfilter.nf_conntrack_max=2500000",
    )


def _epoll_watches(system: System) -> Limit:
    value = system.number("/proc/sys/fs/epoll/max_user_watches")
    return Limit(
        "epoll watches of a user",
        value,
        "watches",
        "fs.epoll.max_user_watches",
        _for_all(None if value is None else value // 2),
        "both ends are watched; the server c1m-threads watches none",
        "sysctl -w fs.epoll.max_user_watches=10000000",
        None if value is not None else "fs.epoll.max_user_watches cannot be read",
    )


def _thread_limit(
    name: str, value: int | None, used: int, source: str, remedy: str, why: str = ""
) -> Limit:
    allowed = None if value is None else max(0, int(value * HEADROOM) - used)
    text = f"one thread a connection; {used} threads exist now, and a tenth is left to the rest"
    missing = None if value is not None else (why or f"{source} cannot be read")
    return Limit(name, value, "threads", source, _for_threads(allowed), text, remedy, missing)


def _threads_in_use(system: System) -> int:
    # The fourth word of loadavg is "running/existing".
    words = (system.text("/proc/loadavg") or "").split()
    return int(words[3].partition("/")[2]) if len(words) > 3 else 0


def _threads_max(system: System) -> Limit:
    value, used = system.number("/proc/sys/kernel/threads-max"), _threads_in_use(system)
    return _thread_limit(
        "threads of the machine",
        value,
        used,
        "kernel.threads-max",
        "sysctl -w kernel.threads-max=2000000",
    )


def _pid_max(system: System) -> Limit:
    value, used = system.number("/proc/sys/kernel/pid_max"), _threads_in_use(system)
    return _thread_limit(
        "process numbers", value, used, "kernel.pid_max", "sysctl -w kernel.pid_max=4194304"
    )


def _user_processes(system: System) -> Limit:
    hard = system.processes[1]
    return _thread_limit(
        "threads of the user",
        hard if hard >= 0 else None,
        0,
        "RLIMIT_NPROC (hard)",
        "ulimit -Hu unlimited",
        "no limit is set",
    )


def _cgroup_pids(system: System) -> Limit:
    group = system.cgroup()
    return _thread_limit(
        "threads of the cgroup",
        group.pids,
        group.pids_used or 0,
        f"cgroup v{group.version or '-'} pids.max",
        "raise pids.max of the cgroup (docker run --pids-limit -1)",
        "no limit is set",
    )


def _maps(system: System) -> Limit:
    value = system.number("/proc/sys/vm/max_map_count")
    a_shard = (
        None if value is None else max(0, value - 1000) // max(b.maps for b in BACKENDS.values())
    )
    return Limit(
        "memory mappings of a process",
        value,
        "mappings",
        "vm.max_map_count",
        _for_threads(None if a_shard is None else a_shard * SHARDS_MAX),
        f"a thread's stack and its guard are two mappings: {a_shard} threads a shard",
        "sysctl -w vm.max_map_count=4000000",
        None if value is not None else "vm.max_map_count cannot be read",
    )


def _missing(name: str, unit: str, source: str, why: str = "cannot be read") -> Limit:
    return Limit(name, None, unit, source, _for_all(None), "", None, f"{source}: {why}")


def connections_max(limits: list[Limit], backend: str) -> tuple[int, str]:
    """The most connections for a backend, and the limit that binds."""
    counts = [
        (count, limit.name)
        for limit in limits
        if (count := limit.connections_max[backend]) is not None
    ]
    return min(counts, default=(0, "nothing could be read"))
