"""Pauses: what the meters of both sides found, and what each pause is put down to."""
