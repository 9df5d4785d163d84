"""A module whose types fit."""


def count() -> int:
    """Return a number."""
    return 1
