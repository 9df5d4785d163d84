"""c1m's Python half: plans runs, starts and watches the programs, keeps what they measured, draws
it.

Invariant: nothing here sits in the measured path; every figure comes from the programs' documents.
Not here: measuring. Servers and load generator are C++ programs that this package only starts.
"""

VERSION = "0.1.0"
