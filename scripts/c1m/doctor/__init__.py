"""The machine's limits: what they are, how many connections they allow, how to lift them."""
