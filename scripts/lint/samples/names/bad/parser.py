"""A function that says nothing."""


def parse_helper() -> None:
    """Parse."""
