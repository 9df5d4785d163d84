"""A server that stands still with room for one connection in its accept queue, for a while."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import StartServer

from c1m.kernel.namespace import fresh_network

_STANDS_S = 1.5


@contextmanager
def crowded_server(start_server: StartServer) -> Iterator[str]:
    """Its target, in a network of the test's own; who connects meanwhile sends SYNs again."""
    with fresh_network() as obstacle:
        if obstacle:
            pytest.skip(obstacle)
        Path("/proc/sys/net/core/somaxconn").write_text("1")
        server = start_server("floor")
        for pid in server.shard_pids:
            os.kill(pid, signal.SIGSTOP)
        awake = [
            threading.Timer(_STANDS_S, os.kill, (pid, signal.SIGCONT)) for pid in server.shard_pids
        ]
        for timer in awake:
            timer.start()
        yield server.target
        for timer in awake:
            timer.join()
        server.stop()
