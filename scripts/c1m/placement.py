"""Which CPUs the server and the load generator run on.

Invariant: the two sets are disjoint whenever more than one CPU is allowed; when they cannot be, the
placement says so and every cell of the run carries that as a failed check.
Not here: binding. The programs bind their own shards (--cpus).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """CPU lists for the two sides, in the kernel's format."""

    server: str
    generator: str
    overlapping: bool
    note: str


def parse_cpu_list(text: str) -> list[int]:
    """CPU numbers of a list such as "0-3,8", ascending. Raises ValueError on a syntax error."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        cpus.update(range(int(first), int(last if dash else first) + 1))
    return sorted(cpus)


def format_cpu_list(cpus: list[int]) -> str:
    """The shortest form of a CPU list."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and cpu == parts[-1][-1] + 1:
            parts[-1].append(cpu)
        else:
            parts.append([cpu])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def place(
    allowed: list[int], siblings: dict[int, list[int]], server_cpus: int, generator_cpus: int
) -> Placement:
    """Chooses whole cores first: the server's CPUs from the top, the generator's from other cores.

    `siblings` maps a CPU to those on the same core, itself included.
    """
    if len(allowed) < 2:
        only = format_cpu_list(allowed)
        return Placement(
            only,
            only,
            True,
            "one CPU only: server and generator share it, so figures are not comparable",
        )
    server = _take(list(reversed(allowed)), siblings, min(server_cpus, len(allowed) - 1), set())
    used = {sibling for cpu in server for sibling in siblings.get(cpu, [cpu])}
    apart = [cpu for cpu in reversed(allowed) if cpu not in used]
    beside = [cpu for cpu in reversed(allowed) if cpu in used and cpu not in server]
    generator = _take(apart, siblings, generator_cpus, set(server)) or beside[:generator_cpus]
    shared = any(cpu in used for cpu in generator)
    note = (
        "server and generator on hardware threads of one core"
        if shared
        else "server and generator on separate cores"
    )
    return Placement(format_cpu_list(server), format_cpu_list(generator), False, note)


def _take(
    candidates: list[int], siblings: dict[int, list[int]], count: int, taken: set[int]
) -> list[int]:
    """Up to `count` CPUs, one of each core before a second one of any."""
    first: list[int] = []
    second: list[int] = []
    cores: set[int] = set()
    for cpu in candidates:
        if cpu in taken:
            continue
        core = min(siblings.get(cpu, [cpu]))
        (second if core in cores else first).append(cpu)
        cores.add(core)
    return (first + second)[:count]
