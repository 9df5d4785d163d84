"""Exit codes, and the one exception that ends a command with a sentence for its user.

Invariant: a CommandError's text is a whole sentence that says what to do next where that is known.
Not here: printing; cli.py turns a CommandError into text on stderr and an exit code.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the c1m command ends with; the same codes as the C++ programs."""

    GOOD = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    LIMIT = 4
    SIGINT = 130
    SIGTERM = 143


class CommandError(Exception):
    """An operating error that ends the command."""

    def __init__(self, text: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class UsageError(CommandError):
    """The command was called wrongly: exit code 2."""

    def __init__(self, text: str) -> None:
        super().__init__(text, ExitCode.USAGE)


class LimitError(CommandError):
    """A limit of the machine stands in the way: exit code 4. The text names it and its remedy."""

    def __init__(self, text: str) -> None:
        super().__init__(text, ExitCode.LIMIT)
