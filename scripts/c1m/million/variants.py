"""What is compared at a million connections: the backends, the coroutines once for each stack.

Invariant: the order of VARIANTS is the order of every table of the profile.
Not here: measured figures.
"""

from dataclasses import dataclass

from c1m.backends import BACKENDS, Backend


@dataclass(frozen=True)
class Variant:
    """A server program with the flags that make the variant."""

    name: str
    title: str
    backend: str
    flags: tuple[str, ...] = ()

    @property
    def program(self) -> Backend:
        """The backend's own description."""
        return BACKENDS[self.backend]


VARIANTS: dict[str, Variant] = {
    "threads": Variant("threads", "threads", "threads"),
    "uv": Variant("uv", "libuv", "uv"),
    "coro": Variant("coro", "coroutines, dedicated stacks", "coro", ("--stacks", "dedicated")),
    "coro-compact": Variant(
        "coro-compact", "coroutines, compact stacks", "coro", ("--stacks", "compact")
    ),
    "floor": Variant("floor", "floor (bare epoll)", "floor"),
}
FLOOR = "floor"


def variants_of(backends: list[str]) -> list[Variant]:
    """The variants of some backends, in the order of VARIANTS."""
    return [variant for variant in VARIANTS.values() if variant.backend in backends]
