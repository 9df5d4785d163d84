"""What is compared at a million connections: the backends, the coroutines once for each stack.

Invariant: the order of VARIANTS is the order of every table of the profile.
Not here: measured figures.
"""

from dataclasses import dataclass

from c1m.backends import BACKENDS
from c1m.failure import UsageError


@dataclass(frozen=True)
class Variant:
    """A server program with the flags that make the variant."""

    name: str
    title: str
    backend: str
    flags: tuple[str, ...] = ()


VARIANTS: dict[str, Variant] = {
    "threads": Variant("threads", "threads", "threads"),
    "uv": Variant("uv", "libuv", "uv"),
    "coro-dedicated": Variant(
        "coro-dedicated", "coroutines, dedicated stacks", "coro", ("--stacks", "dedicated")
    ),
    "coro-compact": Variant(
        "coro-compact", "coroutines, compact stacks", "coro", ("--stacks", "compact")
    ),
    "floor": Variant("floor", "floor (bare epoll)", "floor"),
}
FLOOR = "floor"


def select_variants(text: str) -> list[Variant]:
    """The variants of a comma-separated list, in the order of VARIANTS; a backend's name stands for
    all variants of it.

    Raises UsageError for a name that is neither, and for an empty list.
    """
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    known = list(dict.fromkeys([*BACKENDS, *VARIANTS]))
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"--backends: '{name}' is neither a backend nor a variant; there are: "
                f"{', '.join(known)}."
            )
    if not wanted:
        raise UsageError(f"--backends: the list is empty; there are: {', '.join(known)}.")
    return [each for each in VARIANTS.values() if each.name in wanted or each.backend in wanted]
