"""Profile million: as many connections as the machine holds, up to a million a backend."""
