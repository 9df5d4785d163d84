"""Kernel settings: what a number of connections needs, raising it, and putting it back."""
