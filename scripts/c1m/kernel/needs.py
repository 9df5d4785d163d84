"""What the kernel's settings need to be for a number of connections, both ends on this host.

Invariant: a need only ever raises a setting; where the present value is enough, `raised` is it.
Sources: proc_sys(5), ip(7), tcp(7), Documentation/networking/ip-sysctl.rst of the kernel.
Not here: writing settings (journal.py); what present values allow (doctor/limits.py).
"""

from dataclasses import dataclass

from c1m.doctor.facts import System
from c1m.doctor.limits import HEADROOM, RESERVED_DESCRIPTORS

# Room for what else runs on the machine.
_FILES_OF_OTHERS = 100_000
_THREADS_OF_OTHERS = 20_000
_PID_MAX_MOST = 4_194_304
_MAPS_OF_A_PROCESS = 1_000
# From 10,000: below are ports that services of the machine may want to listen on.
_PORTS = (10_000, 65_535)


@dataclass(frozen=True)
class Need:
    """One setting. `present` is None where this machine does not have it."""

    name: str
    present: str | None
    needed: str
    raised: str  # what to write: no part of it is below the present value
    enough: bool | None
    why: str


def needs(
    system: System, connections: int, threads: bool = True, own_namespace: bool = False
) -> list[Need]:
    """Every setting that bears on `connections`.

    `threads`: with a thread for each of them. `own_namespace`: they will live in a fresh network
    namespace, which tracks nothing.
    """
    found = [*_of_files(system, connections), *_of_network(system, connections)]
    if not own_namespace and system.loopback_is_tracked():
        found.append(_of_tracking(system, connections))
    if threads:
        found += _of_threads(system, connections)
    return found


def lacking(found: list[Need]) -> list[Need]:
    """Those whose present value is not enough."""
    return [need for need in found if need.enough is False]


def _of_files(system: System, connections: int) -> list[Need]:
    return [
        _at_least(
            system,
            "fs.file-max",
            [2 * connections + _FILES_OF_OTHERS],
            "both ends of a connection are open files",
        ),
        _at_least(
            system,
            "fs.epoll.max_user_watches",
            [2 * connections + _FILES_OF_OTHERS],
            "both ends are watched by an epoll",
        ),
    ]


def _of_network(system: System, connections: int) -> list[Need]:
    return [
        _ports(system),
        _at_least(
            system,
            "net.ipv4.tcp_mem",
            _tcp_pages(system, connections),
            "pages of buffers: a message in flight takes one at each end, and a stalled server "
            "may have one in flight on every connection",
        ),
        _at_least(
            system,
            "net.core.somaxconn",
            [min(65_535, max(4_096, connections))],
            "length of the accept queue: a ramp goes on while a server is busy elsewhere",
        ),
        _at_least(
            system,
            "net.core.netdev_max_backlog",
            [min(100_000, max(1_000, connections))],
            "loopback packets wait here, and are dropped when it is full",
        ),
        _at_least(
            system,
            "net.ipv4.tcp_max_orphans",
            [connections],
            "when a million sockets close at once, each is an orphan until its peer has closed",
        ),
    ]


def _of_tracking(system: System, connections: int) -> Need:
    return _at_least(
        system,
        "net.netfilter.nf_conntrack_max",
        # An entry outlives its connection by up to two minutes.
        [2 * connections + _FILES_OF_OTHERS],
        "loopback is tracked here (tried), an entry a connection that is or has just been",
    )


def _of_threads(system: System, connections: int) -> list[Need]:
    hard = system.descriptors[1]
    a_shard = connections if hard < 0 else max(1, min(connections, hard - RESERVED_DESCRIPTORS))
    processes = int((connections + _THREADS_OF_OTHERS) / HEADROOM)
    return [
        _at_least(
            system,
            "kernel.threads-max",
            [processes],
            "c1m-threads has a thread a connection",
        ),
        _at_least(
            system,
            "kernel.pid_max",
            [min(_PID_MAX_MOST, processes)],
            "every thread has a number of its own",
        ),
        _at_least(
            system,
            "vm.max_map_count",
            [2 * a_shard + _MAPS_OF_A_PROCESS],
            f"a thread's stack and its guard are two mappings, and a shard has {a_shard} threads",
        ),
    ]


def _tcp_pages(system: System, connections: int) -> list[int]:
    """Bounds of tcp_mem in pages: two a connection, half of the machine's memory at most."""
    memory = system.meminfo_bytes("MemTotal")
    most = 2 * connections if memory is None else min(2 * connections, memory // 4096 // 2)
    return [most // 2, most * 3 // 4, most]


def _ports(system: System) -> Need:
    name, why = (
        "net.ipv4.ip_local_port_range",
        "a source port a connection for each pair of source and server address; with half of the "
        "range free the kernel finds one at once",
    )
    present = system.sysctl(name)
    needed = f"{_PORTS[0]} {_PORTS[1]}"
    if present is None:
        return Need(name, None, needed, needed, None, why)
    first, last = (int(word) for word in present.split()[:2])
    raised = f"{min(first, _PORTS[0])} {max(last, _PORTS[1])}"
    return Need(name, present, needed, raised, raised == f"{first} {last}", why)


def _at_least(system: System, name: str, needed: list[int], why: str) -> Need:
    """A setting of one or more numbers of which none may be below `needed`."""
    present = system.sysctl(name)
    text = " ".join(str(number) for number in needed)
    if present is None:
        return Need(name, None, text, text, None, why)
    have = [int(word) for word in present.split()]
    raised = [max(pair) for pair in zip(have, needed, strict=True)]
    return Need(name, present, text, " ".join(map(str, raised)), raised == have, why)
