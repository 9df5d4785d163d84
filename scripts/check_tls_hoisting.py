"""Fail when compiled code of the runtime keeps thread-local addresses where it must not.

A coroutine may continue on another thread, so an address of thread-local storage that a compiler
has computed before a switch is another thread's afterwards. The runtime's rule (docs/runtime.md) is
that two accessors alone touch such storage, and one function alone asks for the exception globals.
This reads the disassembly and names every other function that does.

Usage: check_tls_hoisting.py FILE...   (object files, static libraries or programs)
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# A thread-local access: the thread's segment, but for the stack protector's word, or a function
# whose result the compiler takes for constant within a function.
ACCESS = re.compile(
    r"%[fg]s:(?!0x28\b)|\b(__errno_location|__tls_get_addr|__cxa_get_globals\w*|pthread_self)\b"
)
# Without what the compiler calls a variant of a function that it has made for some callers.
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+?)(?: \[clone [^\]]*\])*>:$")
STUB_OF_A_LIBRARY = "@plt"  # the jump into it, which every program has
ACCESSORS = {
    "c1m::runtime::current_worker()",
    "c1m::runtime::set_current_worker(c1m::runtime::Worker*)",
    "c1m::runtime::ThreadContext::attach()",
}
# They read errno right after a call that failed, and cannot park: what is of os/, which knows no
# coroutines, and the creation of a runtime, which installs a signal handler.
OS = "c1m::os::"
READERS_OF_ERRNO = {
    "c1m::runtime::Scheduler::create(c1m::runtime::RuntimeOptions const&)",
    "c1m::runtime::install_overflow_report()",
    "c1m::runtime::(anonymous namespace)::install()",
}


def is_linked(path: str) -> bool:
    """Whether `path` is a program: an ELF file that is no object file (ET_REL)."""
    head = Path(path).read_bytes()[:18]
    return head.startswith(b"\x7fELF") and head[16] != 1


def accesses(disassembly: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each function with an instruction of it that touches thread-local storage."""
    function = "?"
    for line in disassembly:
        if found := FUNCTION.match(line):
            function = found[1]
        elif ACCESS.search(line) and not function.endswith(STUB_OF_A_LIBRARY):
            yield function, " ".join(line.split())


def disassemble(path: str) -> list[str]:
    """Return objdump's lines for `path`, with relocations and readable names."""
    command = ["objdump", "--disassemble", "--reloc", "--demangle", "--no-show-raw-insn", path]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main(paths: list[str]) -> int:
    """Print what was found; 1 when something may not be."""
    found = []
    for path in paths:
        # What a program has of libraries knows no coroutines either.
        ours = "c1m::" if is_linked(path) else ""
        found += [access for access in accesses(disassemble(path)) if ours in access[0]]
    known = ACCESSORS | READERS_OF_ERRNO
    bad = [one for one in found if one[0] not in known and not one[0].startswith(OS)]
    for function, instruction in bad:
        print(f"{function}: thread-local storage outside its accessors: {instruction}")
    missing = ACCESSORS - {function for function, _ in found}
    if missing:
        print(f"not found, so this check sees nothing: {', '.join(sorted(missing))}")
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
