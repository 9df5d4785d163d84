"""A module without faults."""

ANSWER = 42
