"""Bytes a connection: least-squares lines over the sessions of a variant, with their intervals.

Invariant: only sessions whose memory is valid count, whatever became of the traffic that came after
it; a figure that some session lacks is null, not a guess.
What of the kernel's memory is the server's: its processes' page tables are read apart; of the slab,
both ends of a loopback connection hold the same objects, so half is the server's, except for what
only one end has (an epoll entry, a thread).
Not here: reading memory (footprint.py).
"""

from collections.abc import Callable
from dataclasses import asdict

from c1m.documents import Document
from c1m.estimates import line

Figure = Callable[[Document], float | None]

# Slab caches of which both ends of a connection have one object each.
_OF_BOTH_ENDS = ("TCP", "sock_inode_cache", "filp", "dentry")
# What epoll keeps of a watched descriptor; c1m-threads watches none.
_OF_EPOLL = ("eventpoll_epi", "eventpoll_pwq", "ep_head")


def _user(side: str, name: str) -> Figure:
    def read(session: Document) -> float | None:
        found = session["memory"] and session["memory"][side]
        return None if not found else found[name]

    return read


def _kernel(name: str) -> Figure:
    def read(session: Document) -> float | None:
        return None if session["memory"] is None else session["memory"]["kernel"][name]

    return read


def _other(session: Document) -> float | None:
    return None if session["memory"] is None else session["memory"]["other_bytes"]


def slab_of_server(session: Document) -> float | None:
    """Slab bytes that the server's end holds, as far as caches tell; None without slabinfo."""
    memory = session["memory"]
    caches = memory and memory["kernel"]["slab_by_cache_bytes"]
    if not caches:
        return None
    threads = session["backend"] == "threads"
    watchers = memory["kernel"]["watchers_bytes"]
    # Half of what watchers left behind is halved with the dentries and the unknown caches below.
    total = 0.0 if threads else -watchers / 2
    for name, size in caches.items():
        if name == "proc_inode_cache" and threads:
            total -= (watchers - size) / 2  # directory entries, which are halved below
        elif name in _OF_BOTH_ENDS:
            total += size / 2
        elif name in _OF_EPOLL:
            total += 0 if threads else size / 2
        elif threads:
            total += size  # tasks, their credentials and mappings: only this backend has many
        else:
            total += size / 2
    return total


FIGURES: dict[str, Figure] = {
    "server_user_bytes": _user("server", "pss_bytes"),
    "server_binary_bytes": _user("server", "binary_bytes"),
    "server_heap_bytes": _user("server", "heap_bytes"),
    "server_stacks_bytes": _user("server", "stacks_bytes"),
    "server_page_tables_bytes": _user("server", "page_tables_bytes"),
    "server_slab_bytes": slab_of_server,
    "client_user_bytes": _user("client", "pss_bytes"),
    "client_page_tables_bytes": _user("client", "page_tables_bytes"),
    "kernel_bytes": _kernel("total_bytes"),
    "kernel_slab_bytes": _kernel("slab_bytes"),
    "kernel_stack_bytes": _kernel("kernel_stack_bytes"),
    "kernel_page_tables_bytes": _kernel("page_tables_bytes"),
    "kernel_socket_buffer_bytes": _kernel("socket_buffer_bytes"),
    "other_bytes": _other,
}


def established(session: Document) -> int:
    """Connections that stood; 0 when nothing is known."""
    return session["connections"]["established"] if session["connections"] else 0


def slopes(sessions: list[Document]) -> Document:
    """Each figure's slope over the usable sessions of one variant, in bytes a connection."""
    usable = [session for session in sessions if session["validity"]["memory_valid"]]
    found: Document = {}
    for name, figure in FIGURES.items():
        points = [(established(session), figure(session)) for session in usable]
        known = [(count, value) for count, value in points if value is not None]
        fitted = line([count for count, _ in known], [value for _, value in known])
        found[name] = None if fitted is None else asdict(fitted.slope)
    return found
