"""Connection tracking: the kernel remembers a closed connection for minutes, and drops the packets
of new ones when its table is full.

Invariant: reads /proc, changes nothing; a wait that was in vain is not repeated, as with a table
that others fill, or one that loopback is not in.
Not here: what the table allows at all (doctor/limits.py), the check for drops (c1m-load's).
"""

import time
from collections.abc import Callable

from c1m.doctor.facts import System
from c1m.stop_request import StopRequest

# A connection in TIME_WAIT is remembered for 120 s (nf_conntrack_tcp_timeout_time_wait's default).
_WAIT_MAX_S = 150.0
_LOOK_EVERY_S = 0.5
# For the connections of others, and those that are counted a little late.
_SPARE_FRACTION = 0.05
_NETFILTER = "/proc/sys/net/netfilter"


class ConnectionTable:
    """The kernel's table of tracked connections, as a run that opens many must see it."""

    def __init__(
        self,
        stop_request: StopRequest,
        say: Callable[[str], None],
        system: System,
        wait_max_s: float = _WAIT_MAX_S,
    ) -> None:
        self._stop_request = stop_request
        self._say = say
        self._system = system
        self._wait_max_s = wait_max_s

    def await_room(self, connections: int) -> None:
        """Waits until so many new connections fit, and says that it waits. Returns at once where
        nothing is tracked, or they never will fit; at a signal; and after `wait_max_s`.
        """
        deadline, said = time.monotonic() + self._wait_max_s, False
        while self._stop_request.signal_name is None:
            most = self._system.number(f"{_NETFILTER}/nf_conntrack_max")
            tracked = self._system.number(f"{_NETFILTER}/nf_conntrack_count")
            if most is None or tracked is None:
                return
            usable = most * (1 - _SPARE_FRACTION)
            if connections <= usable - tracked or connections > usable:
                return
            if time.monotonic() >= deadline:
                self._wait_max_s = 0.0
                return
            if not said:
                said = True
                self._say(
                    "waiting until the kernel forgets closed connections: it tracks "
                    f"{tracked:,} of at most {most:,} (net.netfilter.nf_conntrack_max), and "
                    f"{connections:,} are to come"
                )
            self._stop_request.sleep(_LOOK_EVERY_S)
