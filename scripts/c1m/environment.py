"""The machine and the software of a run, as run.json keeps them.

Invariant: no name of the host or of a user is taken; a fact that cannot be had is null with its
reason.
Not here: limits (doctor/).
"""

import platform
from importlib.metadata import version
from typing import Any

from c1m.doctor.facts import System
from c1m.doctor.text import examine
from c1m.documents import Document
from c1m.placement import Placement, format_cpu_list

_SYSCTLS = (
    "fs.file-max",
    "fs.nr_open",
    "kernel.pid_max",
    "kernel.threads-max",
    "vm.max_map_count",
    "vm.overcommit_memory",
    "net.core.somaxconn",
    "net.core.netdev_max_backlog",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_congestion_control",
    "net.netfilter.nf_conntrack_max",
    "kernel.sched_rt_runtime_us",
)
_PACKAGES = ("altair", "hdrhistogram", "jsonschema", "numpy", "scipy", "vl-convert-python")
_OPTIONAL = ("os", "cpu_model", "governor", "hypervisor")


def describe_environment(system: System, placement: Placement) -> Document:
    """The "env" object of run.json."""
    group = system.cgroup()
    environment: dict[str, Any] = {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "os": _distribution(system),
        "cpu_model": system.cpu_info("model name"),
        "cpus_online": len(
            [
                line
                for line in (system.text("/proc/cpuinfo") or "").splitlines()
                if line.startswith("processor")
            ]
        ),
        "cpus_allowed": format_cpu_list(system.allowed_cpus),
        "smt_siblings": {
            str(cpu): format_cpu_list(same) for cpu, same in system.siblings().items()
        },
        "governor": system.governor(),
        "memory_bytes": system.meminfo_bytes("MemTotal") or 0,
        "hypervisor": "present"
        if "hypervisor" in (system.cpu_info("flags") or "").split()
        else None,
        "cgroup": {
            "cpu_cores": group.cpu_cores,
            "memory_bytes": group.memory_bytes,
            "pids": group.pids,
        },
        "sysctl": {name: system.sysctl(name) for name in _SYSCTLS},
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "placement": {
            "server": placement.server,
            "generator": placement.generator,
            "overlapping": placement.overlapping,
            "note": placement.note,
        },
        "doctor": examine(system),
    }
    environment["unavailable"] = {
        name: "the machine does not say" for name in _OPTIONAL if environment[name] is None
    }
    return environment


def _distribution(system: System) -> str | None:
    for line in (system.text("/etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip('"')
    return None
