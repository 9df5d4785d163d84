"""Sessions of profile million whose figures are known, for the tests in scripts/tests."""

from c1m.documents import Document
from c1m.million.session import PARTS
from c1m.million.variants import VARIANTS

MIB = 1 << 20


def session(
    variant: str, connections: int, valid: bool = True, wall: Document | None = None
) -> Document:
    """A session whose memory is exactly linear in its connections."""
    side = {
        "processes": 1,
        "pss_bytes": 5 * MIB + 300 * connections,
        "binary_bytes": 2 * MIB,
        "heap_bytes": 3 * MIB + 100 * connections,
        "stacks_bytes": 200 * connections,
        "split_read_fraction": 1.0,
        "page_tables_bytes": 2 * connections,
    }
    kernel = {
        "slab_bytes": 6000 * connections,
        "kernel_stack_bytes": 0,
        "page_tables_bytes": 4 * connections,
        "socket_buffer_bytes": 0,
        "total_bytes": 6004 * connections,
        "slab_by_cache_bytes": {"TCP": 4000, "eventpoll_epi": 200, "task_struct": 600},
        "watchers_bytes": 0,
    }
    memory = {
        "server": side,
        "client": side,
        "kernel": kernel,
        "other_bytes": 7 * connections,
        "used_before_bytes": 2_000_000_000,
        "used_bytes": 2_000_000_000 + 20_000_000 * connections,
    }
    return {
        "id": f"{variant}-{connections}",
        "variant": variant,
        "backend": VARIANTS[variant].backend,
        "connections_wanted": connections,
        "repetition": 1,
        "choice": "uniform",
        "connections": {"established": connections},
        "connect": {"rate_per_s": 40_000.0},
        "accepts_per_s": 30_000.0,
        "ramp": [{"t_s": 1.0, "established": connections, "accepted": connections}],
        "latency_us": None,
        "memory": memory,
        "pauses": None,
        "parts_s": dict.fromkeys(PARTS, 0.125),
        "duration_s": 1.0,
        "wall": wall,
        "validity": {
            "valid": valid,
            "memory_valid": valid,
            "invalid_reasons": [] if valid else ["x: broken"],
            "checks": [],
        },
    }
