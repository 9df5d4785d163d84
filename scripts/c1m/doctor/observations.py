"""What does not limit connections, yet figures depend on it: CPUs, frequency, steal, tracking.

Invariant: an observation that could not be made is neither good nor bad: its `ok` is None.
Not here: limits (limits.py).
"""

from dataclasses import dataclass

from c1m.doctor.facts import System
from c1m.placement import format_cpu_list

_NO_TRACKING = (
    "iptables -t raw -A OUTPUT -o lo -j NOTRACK; iptables -t raw -A PREROUTING -i lo -j NOTRACK"
)


@dataclass(frozen=True)
class Observation:
    """Something that bears on the quality of figures. `ok` is None when it could not be judged."""

    name: str
    value: str | float | None
    ok: bool | None
    explanation: str
    remedy: str | None


def observations(system: System) -> list[Observation]:
    """Every observation, whether good or bad."""
    return [*_of_processors(system), *_of_network(system), _of_generator(system)]


def _of_generator(system: System) -> Observation:
    """What `c1m-load --calibrate` found on this machine; ok only as far as its run converged."""
    name = "punctual rate of the generator"
    command = "build/release/bin/c1m-load --calibrate   # from a release build"
    found = system.calibration()
    if found is None:
        return Observation(
            name, None, None, f"not measured here yet; to measure it: {command}", command
        )
    floor, at_rate = found["floor"], found["at_punctual_rate"] or {}
    cost = at_rate.get("cpu_us_per_request")
    return Observation(
        name,
        found["punctual_rps"],
        found["converged"] and found["preset"] == "release",
        f"requests/s of {found['settings']['shards']} shard(s) with every check passed"
        + (" (echo on the same CPUs)" if found["shares_cpus"] else "")
        + ("" if cost is None else f", {cost:.1f} us of CPU a request")
        + f"; floor p50 {floor['p50_us']:.1f} us, p99 {floor['p99_us']:.1f} us; measured "
        f"{found['started_utc']} by a {found['preset']} build of {found['commit'][:12]}",
        command,
    )


def _of_processors(system: System) -> list[Observation]:
    cpus, siblings = system.allowed_cpus, system.siblings()
    cores = {min(siblings[cpu]) for cpu in cpus}
    quota, governor, steal = system.cgroup().cpu_cores, system.governor(), system.steal_fraction()
    return [
        Observation(
            "CPUs",
            format_cpu_list(cpus),
            len(cpus) >= 2,
            "server and generator need a CPU each; on one CPU figures are marked as not comparable",
            None,
        ),
        Observation(
            "cores",
            len(cores),
            len(cores) >= 2,
            "on hardware threads of one core the two sides slow each other down",
            None,
        ),
        Observation(
            "CPU quota of the cgroup",
            quota,
            quota is None or quota >= len(cpus),
            "cores; none is best: throttling shows as latency",
            "docker run without --cpus",
        ),
        Observation(
            "governor",
            governor,
            None if governor is None else governor == "performance",
            "a changing frequency changes CPU time a request",
            "cpupower frequency-set -g performance",
        ),
        Observation(
            "steal",
            None if steal is None else round(steal, 4),
            None if steal is None else steal <= 0.05,
            "share of CPU time since boot that the hypervisor gave to others",
            None,
        ),
    ]


def _of_network(system: System) -> list[Observation]:
    backlog = system.number("/proc/sys/net/core/somaxconn")
    tracked = system.loopback_is_tracked()
    return [
        Observation(
            "somaxconn",
            backlog,
            None if backlog is None else backlog >= 4096,
            "length of the accept queue; a short one overflows in the connect experiment",
            "sysctl -w net.core.somaxconn=65535",
        ),
        Observation(
            "loopback tracked",
            None if tracked is None else ("yes" if tracked else "no"),
            None if tracked is None else not tracked,
            "tracking costs CPU time a packet and kernel memory a connection, in all backends",
            _NO_TRACKING,
        ),
    ]
