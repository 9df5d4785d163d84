"""Raising kernel settings so that they can be put back after any end, a crash included.

The journal is a file that holds, for every setting, the value before and the value that c1m writes.
It is on the disk (fsync, also of its directory) before the first setting is touched, and goes when
the last one has been put back.

Invariant: a setting is put back only while it still has the value that c1m gave it; one that
somebody else has set meanwhile is left as it is, and named. A journal of an earlier boot, or of
another network namespace, changes nothing: settings of a boot end with it.
Threads: one process holds the journal; another one is told so.
Not here: which settings, and why (needs.py).
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c1m.doctor.facts import System
from c1m.failure import CommandError
from c1m.kernel.needs import Need, lacking

Say = Callable[[str], None]


def default_journal() -> Path:
    """Where the journal lies: $C1M_STATE_DIRECTORY, by default a directory of the machine."""
    return Path(os.environ.get("C1M_STATE_DIRECTORY", "/var/lib/c1m")) / "kernel-settings.json"


def write_setting(root: Path, name: str, value: str) -> None:
    """Writes a setting by its sysctl name. Raises OSError."""
    path = root / "proc/sys" / name.replace(".", "/")
    # No O_CREAT: a setting that the kernel does not have is an error, not a new file.
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, (value + "\n").encode("ascii"))
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Change:
    """A setting that was raised, or was to be raised and could not; `failure` says why."""

    name: str
    before: str
    during: str
    failure: str | None = None


@dataclass(frozen=True)
class Restored:
    """What became of the settings of a journal."""

    restored: list[Change] = field(default_factory=list)
    foreign: list[tuple[Change, str]] = field(default_factory=list)  # with the value found
    failed: list[Change] = field(default_factory=list)


class SettingsJournal:
    """The journal of one machine."""

    def __init__(
        self,
        system: System,
        path: Path,
        say: Say,
        write: Callable[[Path, str, str], None] = write_setting,
    ) -> None:
        self._system = system
        self._path = path
        self._say = say
        self._write = write

    def pending(self) -> bool:
        """Whether settings of an earlier run have still to be put back."""
        return self._path.exists()

    def raise_settings(self, find: Callable[[], list[Need]]) -> list[Change]:
        """Raises what is lacking, says each change, and returns them. `find` is called when nothing
        of an earlier run is raised any more.

        A setting that cannot be written keeps its value, which is said; the others are raised.
        Raises CommandError when the journal cannot be written or a living process holds it.
        """
        self._refuse_living_holder()
        if self.pending():
            self._say("an earlier run has left raised kernel settings; they are put back first")
            self.restore()
        found = find()
        wanted = [
            Change(need.name, need.present, need.raised)
            for need in lacking(found)
            if need.present is not None
        ]
        if not wanted:
            self._say("kernel settings: all are high enough; nothing is changed")
            return []
        self._store(wanted)
        why = {need.name: need.why for need in found}
        made = [self._apply(change, why[change.name]) for change in wanted]
        kept = [change for change in made if change.failure is None]
        self._store(kept) if kept else self._forget()
        return made

    def restore(self) -> Restored:
        """Puts everything back that the journal holds and says what was done.

        Raises CommandError when a living process holds the journal, or it cannot be read.
        """
        self._refuse_living_holder()
        return self._restore()

    def release(self) -> Restored:
        """restore() of the process that raised them."""
        return self._restore()

    def _apply(self, change: Change, why: str) -> Change:
        try:
            self._write(self._system.root, change.name, change.during)
        except OSError as error:
            text = error.strerror or str(error)
            self._say(f"kernel settings: {change.name} stays {change.before}: {text}")
            return Change(change.name, change.before, change.during, text)
        # The kernel may round; what it made of the value is what must be found later.
        during = self._system.sysctl(change.name) or change.during
        self._say(f"kernel settings: {change.name}: {change.before} -> {during} ({why})")
        return Change(change.name, change.before, during)

    def _restore(self) -> Restored:
        document = self._read()
        if document is None:
            return Restored()
        if not self._is_of_here(document):
            return Restored()
        outcome = Restored()
        for entry in reversed(document["changes"]):
            self._put_back(Change(entry["name"], entry["before"], entry["during"]), outcome)
        if outcome.failed:
            self._store(outcome.failed)
        else:
            self._forget()
        return outcome

    def _put_back(self, change: Change, outcome: Restored) -> None:
        found = self._system.sysctl(change.name)
        if found == change.before:
            return  # it was never raised, or has been put back already
        if found is None or found != change.during:
            outcome.foreign.append((change, found or "gone"))
            self._say(
                f"kernel settings: {change.name} is {found}: somebody else has set it since c1m "
                f"had made it {change.during}; it is left so. Before c1m it was {change.before} "
                f'(sysctl -w {change.name}="{change.before}")'
            )
            return
        try:
            self._write(self._system.root, change.name, change.before)
        except OSError as error:
            text = error.strerror or str(error)
            outcome.failed.append(Change(change.name, change.before, change.during, text))
            self._say(
                f"kernel settings: {change.name} cannot be put back to {change.before}: {text}; "
                "run `c1m doctor --restore` as root"
            )
            return
        outcome.restored.append(change)
        self._say(f"kernel settings: {change.name}: {change.during} -> {change.before} again")

    def _is_of_here(self, document: dict[str, Any]) -> bool:
        """Whether the journal's settings are those of this boot and namespace; says it if not."""
        here = self._place()
        if document["boot_id"] != here["boot_id"]:
            self._say("kernel settings: the journal is of an earlier boot, which has reset them")
            self._forget()
            return False
        if document["network_namespace"] != here["network_namespace"]:
            raise CommandError(
                f"{self._path} is of another network namespace ({document['network_namespace']}, "
                f"this one is {here['network_namespace']}): run `c1m doctor --restore` in that "
                "one, or remove the file if that namespace is gone."
            )
        return True

    def _refuse_living_holder(self) -> None:
        document = self._read()
        if document is None:
            return
        ticks = self._start_ticks(document["pid"])
        if ticks is None or ticks != document["pid_start_ticks"] or document["pid"] == os.getpid():
            return
        raise CommandError(
            f"process {document['pid']} has raised kernel settings and still runs "
            f"({self._path}); it puts them back when it ends."
        )

    def _start_ticks(self, pid: int) -> int | None:
        """When a process began (proc_pid_stat(5), field 22): with its number it names it."""
        text = self._system.text(f"/proc/{pid}/stat")
        # The name of the program, in brackets, may hold anything.
        return int(text.rpartition(")")[2].split()[19]) if text else None

    def _place(self) -> dict[str, str | None]:
        namespace = None
        with contextlib.suppress(OSError):
            namespace = str((self._system.root / "proc/self/ns/net").readlink())
        return {
            "boot_id": self._system.text("/proc/sys/kernel/random/boot_id"),
            "network_namespace": namespace,
        }

    def _read(self) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            if document["kind"] != "c1m-kernel-settings" or document["schema_version"] != 1:
                raise ValueError("another kind of document")
            for entry in document["changes"]:
                _ = entry["name"] + entry["before"] + entry["during"]
            _ = document["boot_id"], document["network_namespace"], document["pid_start_ticks"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{self._path} cannot be used: {error}; look at it, set what it names by hand, and "
                "remove it."
            ) from error
        return document

    def _store(self, changes: list[Change]) -> None:
        document = {
            "schema_version": 1,
            "kind": "c1m-kernel-settings",
            **self._place(),
            "pid": os.getpid(),
            "pid_start_ticks": self._start_ticks(os.getpid()),
            "changes": [
                {"name": change.name, "before": change.before, "during": change.during}
                for change in changes
            ],
        }
        temporary = self._path.with_name(f".{self._path.name}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
            self._sync_directory()
        except OSError as error:
            raise CommandError(
                f"cannot write {self._path}: {error.strerror or error}; without it raised kernel "
                "settings could not be put back after a crash, so none is raised."
            ) from error

    def _forget(self) -> None:
        self._path.unlink(missing_ok=True)
        self._sync_directory()

    def _sync_directory(self) -> None:
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
