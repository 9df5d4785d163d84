"""The four server programs, and what a connection costs each of them before anything was measured.

Invariant: the order of BACKENDS is the order of every table; floor is last, as the limit.
Not here: measured figures. The estimates below only size a run and feed `c1m doctor`.
"""

from dataclasses import dataclass

from c1m.failure import UsageError


@dataclass(frozen=True)
class Backend:
    """A server program and its estimated cost of one idle connection."""

    name: str
    title: str
    user_bytes: int  # resident user memory of the server
    kernel_bytes: int  # kernel memory of the server beside the socket: stacks, page tables
    threads: int  # threads a connection
    maps: int  # memory mappings a connection
    # Where a connection's frames may be while it waits, beside the default (--stacks).
    other_stacks: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """File name of the program in the build's bin folder."""
        return f"c1m-{self.name}"


# A thread: about 8 KiB resident, a kernel stack of 16 KiB and 7 KiB of task structures, and two
# mappings (stack and guard). A coroutine: one touched page of its stack, its guard by madvise.
BACKENDS: dict[str, Backend] = {
    "threads": Backend("threads", "threads", 8_500, 23_500, 1, 2),
    "uv": Backend("uv", "libuv", 300, 0, 0, 0),
    "coro": Backend("coro", "coroutines", 4_300, 130, 0, 0, ("compact",)),
    "floor": Backend("floor", "floor (bare epoll)", 64, 0, 0, 0),
}

FLOOR = "floor"

# Every choice that some backend has beside its default.
OTHER_STACKS = tuple(
    dict.fromkeys(stacks for backend in BACKENDS.values() for stacks in backend.other_stacks)
)

# Both ends of a loopback connection: socket, inode, file, dentry and epoll entry, twice.
SOCKET_PAIR_BYTES = 7_800
# The load generator's own record of a connection.
GENERATOR_BYTES = 64


def select_backends(text: str) -> list[str]:
    """The backends of a comma-separated list, in the order of BACKENDS, without duplicates.

    Raises UsageError for a name that is not a backend, and for an empty list.
    """
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    known = ", ".join(BACKENDS)
    for name in wanted:
        if name not in BACKENDS:
            raise UsageError(f"--backends: '{name}' is not a backend; there are: {known}.")
    if not wanted:
        raise UsageError(f"--backends: the list is empty; there are: {known}.")
    return [name for name in BACKENDS if name in wanted]
