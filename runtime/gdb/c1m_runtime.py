"""Commands for gdb that show the coroutines of c1m's runtime, in a live process or a core file.

    (gdb) source runtime/gdb/c1m_runtime.py
    (gdb) c1m-coroutines              every coroutine: state, what it waits for, where spawned
    (gdb) c1m-backtrace ID            the frames of one that waits, with their arguments
    (gdb) c1m-backtrace ID full       anything that `backtrace` takes

How: a coroutine that waits has its registers at its saved stack pointer, where fcontext put them.
While one is shown, an unwinder tells gdb that the selected thread's innermost frame was called from
there. Nothing of the process is changed, so it works on a core file too; on one that the kernel
has written, because gdb's generate-core-file gives up at guards that are markers (Linux 6.13) and
leaves the stacks out. A coroutine whose frames are frozen, a compact one or one whose own stack was
given back, has none on any stack; what is known of it is said instead.

The program must have been compiled with -g; the line tables of -g1 do not describe records.
Invariant: reads only. Not here: coroutines that run, which gdb's own threads show.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gdb
from gdb.unwinder import Unwinder

STATES = ("free", "runnable", "running", "running", "waiting")
WAITING = 4
# While it is being frozen (wait_state.hpp): it waits, or its wait has been ended already.
FREEZING = {5: WAITING, 6: 1}
# StackHome's marks, and the address beside them.
IN_SLOT = 1
FRAMES_ABSENT = 1 << 63
ADDRESS_MASK = (1 << 48) - 1
REASON_MASK = 63
WORD_BYTES = 8
# What boost.context's jump_x86_64_sysv_elf_gas.S leaves at the saved stack pointer, in words.
SAVED_REGISTERS = {"r12": 2, "r13": 3, "r14": 4, "r15": 5, "rbx": 6, "rbp": 7, "rip": 8}
SAVED_WORDS = 9
# Below the frames that are shown, so that gdb does not take them for a corrupt stack.
RED_ZONE_BYTES = 256


def read_words(address: int, count: int) -> tuple[int, ...]:
    """Read so many 64-bit words of the process."""
    memory = gdb.selected_inferior().read_memory(address, count * WORD_BYTES)
    return struct.unpack(f"<{count}Q", bytes(memory))


def read_word(value: Any) -> int:
    """Read the one word that a value is or begins with, whatever wraps it."""
    return read_words(int(value.address), 1)[0]


def read_text(address: int) -> str:
    """Read a string that ends with a zero; empty when there is none."""
    if address == 0:
        return ""
    return str(gdb.Value(address).cast(gdb.lookup_type("char").pointer()).string())


@dataclass(frozen=True)
class Coroutine:
    """One coroutine's record, as it is now."""

    id: int
    state: int
    saved_point: int
    home: int
    note: int
    frozen: int
    record: int
    spawned_at: str

    @property
    def reason(self) -> str:
        """Return what it waits for, in the words of the source."""
        reason_type = gdb.lookup_type("c1m::runtime::WaitReason")
        text = str(gdb.Value(self.note & REASON_MASK).cast(reason_type))
        return text.rpartition("::")[2]

    @property
    def is_compact(self) -> bool:
        """Return whether it shares a slot with others: StackHome's mark."""
        return self.home & IN_SLOT != 0

    @property
    def is_frozen(self) -> bool:
        """Return whether another coroutine's frames are in its slot, or its stack is frozen."""
        if self.saved_point == 0:
            return False
        if not self.is_compact:
            return self.home & FRAMES_ABSENT != 0 and self.home & ADDRESS_MASK != 0
        slot_type = gdb.lookup_type("c1m::runtime::StackSlot").pointer()
        slot = gdb.Value(self.home - IN_SLOT).cast(slot_type)
        return int(slot["resident"]) != self.record

    def describe(self) -> str:
        """Return one line about it."""
        text = STATES[self.state]
        if self.state == WAITING:
            text = self.reason
            descriptor = self.note >> 32
            if descriptor:
                text += f" {descriptor}"
        kind = (", compact" if self.is_compact else "") + (", frozen" if self.is_frozen else "")
        return f"coroutine {self.id} [{text}{kind}] spawned at {self.spawned_at}"


def where_spawned(pointer: int) -> str:
    """Return the text of a std::source_location, which is a pointer to file, function and line."""
    if pointer == 0:
        return "?"
    file, function = read_words(pointer, 2)
    line = read_words(pointer + 2 * WORD_BYTES, 1)[0] & 0xFFFFFFFF
    return f"{read_text(file)}:{line} in {read_text(function)}"


def schedulers() -> Iterator[Any]:
    """Yield the scheduler of every runtime of the process."""
    try:
        sight = gdb.parse_and_eval("'c1m::runtime::first_sight'")
        gdb.lookup_type("c1m::runtime::Coroutine")
    except gdb.error as error:
        message = "no description of c1m's runtime in this program; it must be compiled with -g"
        raise gdb.GdbError(f"{message} ({error})") from error
    while int(sight) != 0:
        yield sight["scheduler"]
        sight = sight["next_sight"]


def coroutines() -> Iterator[Coroutine]:
    """Yield every coroutine that has not ended, of all runtimes."""
    record_type = gdb.lookup_type("c1m::runtime::Coroutine")
    table_type = gdb.lookup_type("c1m::runtime::CoroutineTable").pointer()
    for scheduler in schedulers():
        # A unique_ptr is a pointer, whatever the library calls its parts.
        table = gdb.Value(read_word(scheduler["table_"])).cast(table_type)
        records = int(table["space_"]["data_"])
        for index in range(1, int(table["created_"]) + 1):
            address = records + index * record_type.sizeof
            record = gdb.Value(address).cast(record_type.pointer()).dereference()
            state = read_word(record["wait"]) & 0xFF
            state = FREEZING.get(state, state)
            if state == 0:
                continue
            yield Coroutine(
                id=index,
                state=state,
                saved_point=read_word(record["point_"]),
                home=read_word(record["home"]),
                note=read_word(record["note"]),
                frozen=read_word(record["frozen"]),
                record=address,
                spawned_at=where_spawned(read_word(record["where"])),
            )


class ParkedFrames(Unwinder):
    """Makes a parked coroutine the caller of the selected thread's innermost frame."""

    def __init__(self) -> None:
        super().__init__("c1m parked coroutine")
        self.point = 0  # of the coroutine that is shown; 0: none
        self.innermost = 0  # the stack pointer of the frame that it is put under

    def __call__(self, pending_frame: Any) -> Any:
        """Answer gdb's question who called this frame; None: not ours to say."""
        if self.point == 0 or int(pending_frame.read_register("rsp")) != self.innermost:
            return None
        words = read_words(self.point, SAVED_WORDS)
        word_type = gdb.lookup_type("unsigned long")
        below = gdb.Value(self.point - RED_ZONE_BYTES).cast(word_type)
        info = pending_frame.create_unwind_info(FrameId(below, pending_frame.read_register("rip")))
        for name, place in SAVED_REGISTERS.items():
            info.add_saved_register(name, gdb.Value(words[place]).cast(word_type))
        after = self.point + SAVED_WORDS * WORD_BYTES
        info.add_saved_register("rsp", gdb.Value(after).cast(word_type))
        return info


@dataclass(frozen=True)
class FrameId:
    """What gdb tells frames apart by."""

    sp: Any
    pc: Any


UNWINDER = ParkedFrames()


def backtrace_of(coroutine: Coroutine, options: str) -> str:
    """Return gdb's backtrace of a coroutine whose frames are on a stack."""
    UNWINDER.innermost = int(gdb.newest_frame().read_register("rsp"))
    UNWINDER.point = coroutine.saved_point
    gdb.invalidate_cached_frames()
    try:
        lines = gdb.execute(f"backtrace {options}", to_string=True).splitlines()
    finally:
        UNWINDER.point = 0
        gdb.invalidate_cached_frames()
    # The thread's own frame stands for the switch; with options more lines may belong to it.
    first = next((i for i, line in enumerate(lines) if line.startswith("#1")), len(lines))
    return "\n".join(lines[first:])


class CoroutinesCommand(gdb.Command):
    """List the coroutines of c1m's runtime: c1m-coroutines."""

    def __init__(self) -> None:
        super().__init__("c1m-coroutines", gdb.COMMAND_STACK)

    def invoke(self, _argument: str, _from_tty: bool) -> None:
        """Print a line for each."""
        count = 0
        for coroutine in coroutines():
            gdb.write(coroutine.describe() + "\n")
            count += 1
        gdb.write(f"{count} coroutines\n")


class BacktraceCommand(gdb.Command):
    """Show where a coroutine of c1m's runtime waits: c1m-backtrace ID [options of backtrace]."""

    def __init__(self) -> None:
        super().__init__("c1m-backtrace", gdb.COMMAND_STACK)

    def invoke(self, argument: str, _from_tty: bool) -> None:
        """Print the frames, or why there are none."""
        wanted, _, options = argument.strip().partition(" ")
        if not wanted.isdigit():
            raise gdb.GdbError("usage: c1m-backtrace ID; c1m-coroutines lists the ids")
        found = [each for each in coroutines() if each.id == int(wanted)]
        if not found:
            raise gdb.GdbError(f"no coroutine {wanted}; c1m-coroutines lists the ids")
        for coroutine in found:
            gdb.write(coroutine.describe() + "\n")
            self._show(coroutine, options)

    @staticmethod
    def _show(coroutine: Coroutine, options: str) -> None:
        if coroutine.is_frozen:
            block = coroutine.frozen & ADDRESS_MASK
            template = coroutine.frozen >> 48
            how = f"as the difference from template {template}" if template else "as they were"
            why = " One of the same slot is resident." if coroutine.is_compact else ""
            gdb.write(
                "its frames are frozen: not on a stack, so they cannot be unwound; they are kept "
                f"{how}, at {block:#x}.{why}\n"
            )
        elif coroutine.state != WAITING:
            gdb.write("it does not wait, so no registers are saved; see `thread apply all bt`\n")
        elif coroutine.saved_point == 0:
            gdb.write("it has not begun\n")
        else:
            gdb.write(backtrace_of(coroutine, options) + "\n")


gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)
CoroutinesCommand()
BacktraceCommand()
