"""Connection tracking: the kernel remembers a closed connection for minutes, and drops the packets
of new ones when its table is full.

Invariant: reads /proc, changes nothing; returns after `wait_max_s` at the latest.
Not here: what the table allows at all (doctor/limits.py), the check for drops (cells.py).
"""

import time
from collections.abc import Callable
from pathlib import Path

from c1m.stop_request import StopRequest

# A connection in TIME_WAIT is remembered for 120 s (nf_conntrack_tcp_timeout_time_wait's default).
WAIT_MAX_S = 150.0
_LOOK_EVERY_S = 0.5
# For the connections of others, and those that are counted a little late.
_SPARE_FRACTION = 0.05
_NETFILTER = Path("/proc/sys/net/netfilter")


def await_room(
    connections: int,
    stop_request: StopRequest,
    say: Callable[[str], None],
    netfilter: Path = _NETFILTER,
    wait_max_s: float = WAIT_MAX_S,
) -> None:
    """Waits until the table has room for so many new connections, or a signal came, or it never
    will, or nothing tracks connections here. Says once that it waits.
    """
    deadline, said = time.monotonic() + wait_max_s, False
    while time.monotonic() < deadline and stop_request.signal_name is None:
        most, tracked = _number(netfilter, "max"), _number(netfilter, "count")
        if most is None or tracked is None:
            return
        room = most - most * _SPARE_FRACTION - tracked
        if connections <= room or connections > most:
            return
        if not said:
            said = True
            say(
                f"waiting until the kernel forgets closed connections: it tracks {tracked:,} of at "
                f"most {most:,} (net.netfilter.nf_conntrack_max), and {connections:,} are to come"
            )
        stop_request.sleep(_LOOK_EVERY_S)


def _number(netfilter: Path, name: str) -> int | None:
    try:
        return int((netfilter / f"nf_conntrack_{name}").read_text())
    except (OSError, ValueError):
        return None
