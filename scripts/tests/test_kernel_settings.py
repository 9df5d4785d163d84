"""Raised kernel settings are put back: after an end in order, after SIGKILL, not over a stranger's.

Invariant: the real settings of the machine are touched in a network namespace of their own only.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from c1m.doctor.facts import System
from c1m.doctor.text import examine
from c1m.documents import check
from c1m.failure import CommandError
from c1m.kernel.journal import SettingsJournal, write_setting
from c1m.kernel.needs import lacking, needs

SCRIPTS = Path(__file__).resolve().parents[1]
# Low in everything that a million connections need.
LOW = {
    "proc/sys/fs/file-max": "1000",
    "proc/sys/fs/epoll/max_user_watches": "1000",
    "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999",
    "proc/sys/net/ipv4/tcp_max_orphans": "1000",
    "proc/sys/net/ipv4/tcp_mem": "100\t5000000\t300",
    "proc/sys/net/core/netdev_max_backlog": "1000",
    "proc/sys/kernel/threads-max": "1000",
    "proc/sys/kernel/pid_max": "32768",
    "proc/sys/vm/max_map_count": "65530",
    "proc/sys/kernel/random/boot_id": "first-boot",
    "proc/sys/net/core/somaxconn": "4096",
    "proc/sys/fs/nr_open": "1048576",
    "proc/meminfo": "MemTotal: 1000000000 kB\nMemAvailable: 900000000 kB\n",
}


def machine(root: Path, files: dict[str, str]) -> System:
    """A machine of these files, with 20,000 descriptors a process."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return System(root, (1024, 20_000), (-1, -1), [0, 1], lambda _: [], root / "none.json")


@pytest.fixture
def low(tmp_path: Path) -> System:
    return machine(tmp_path / "machine", LOW)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "kernel-settings.json"


@pytest.fixture
def journal(low: System, said: list[str], journal_path: Path) -> SettingsJournal:
    return SettingsJournal(low, journal_path, said.append)


def values(system: System) -> dict[str, str | None]:
    return {need.name: system.sysctl(need.name) for need in needs(system, 1_000_000)}


def test_needs_are_raised_said_and_put_back(
    low: System, journal: SettingsJournal, said: list[str], journal_path: Path
) -> None:
    before = values(low)
    made = journal.raise_settings(lambda: needs(low, 1_000_000))
    assert journal_path.exists()
    assert lacking(needs(low, 1_000_000)) == []
    assert {change.name for change in made} >= {"kernel.pid_max", "fs.file-max"}
    # No number is lowered on the way: the second of tcp_mem was above what is needed.
    assert low.sysctl("net.ipv4.tcp_mem") == "1000000 5000000 2000000"
    for change in made:
        assert any(f"{change.name}: {change.before} -> {change.during}" in line for line in said)
    assert len(journal.release().restored) == len(made)
    assert values(low) == before
    assert not journal_path.exists()


def test_enough_is_left_alone(tmp_path: Path, said: list[str], journal_path: Path) -> None:
    system = machine(tmp_path / "machine", LOW)
    journal = SettingsJournal(system, journal_path, said.append)
    journal.raise_settings(lambda: needs(system, 1_000_000))
    journal.release()
    found = needs(system, 10, threads=False)
    assert [need.name for need in lacking(found)] == [
        "fs.file-max",
        "fs.epoll.max_user_watches",
        "net.ipv4.ip_local_port_range",
    ]


def test_a_killed_run_is_put_back_by_the_next_restore(
    low: System, journal: SettingsJournal, journal_path: Path
) -> None:
    before = values(low)
    # Killed inside the third write: two settings are raised, the journal names them all.
    script = f"""
import os, signal
from pathlib import Path
from c1m.doctor.facts import System
from c1m.kernel.journal import SettingsJournal, write_setting
from c1m.kernel.needs import needs
written = []
def write(root, name, value):
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(name)
    write_setting(root, name, value)
system = System(Path({str(low.root)!r}), (1024, 20000), (-1, -1), [0, 1], lambda _: [], Path("-"))
journal = SettingsJournal(system, Path({str(journal_path)!r}), print, write)
journal.raise_settings(lambda: needs(system, 1_000_000))
"""
    killed = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    changed = [name for name, value in values(low).items() if value != before[name]]
    assert len(changed) == 2
    assert {each.name for each in journal.restore().restored} == set(changed)
    assert values(low) == before
    assert not journal_path.exists()


def test_a_strangers_value_is_left_and_named(
    low: System, journal: SettingsJournal, said: list[str], journal_path: Path
) -> None:
    journal.raise_settings(lambda: needs(low, 1_000_000))
    write_setting(low.root, "kernel.pid_max", "777777")
    outcome = journal.release()
    assert low.sysctl("kernel.pid_max") == "777777"
    assert [(change.name, found) for change, found in outcome.foreign] == [
        ("kernel.pid_max", "777777")
    ]
    assert any("somebody else" in line and "kernel.pid_max" in line for line in said)
    assert low.sysctl("fs.file-max") == "1000"
    assert not journal_path.exists()


def test_what_cannot_be_written_stays_and_is_said(
    low: System, said: list[str], journal_path: Path
) -> None:
    def write(root: Path, name: str, value: str) -> None:
        if name == "kernel.pid_max":
            raise OSError(30, "Read-only file system")
        write_setting(root, name, value)

    journal = SettingsJournal(low, journal_path, said.append, write)
    made = journal.raise_settings(lambda: needs(low, 1_000_000))
    assert low.sysctl("kernel.pid_max") == "32768"
    assert [change.failure for change in made if change.name == "kernel.pid_max"] == [
        "Read-only file system"
    ]
    assert any("kernel.pid_max stays 32768: Read-only file system" in line for line in said)
    journal.release()
    assert low.sysctl("fs.file-max") == "1000"


def test_a_failed_restore_keeps_the_journal(
    low: System, journal: SettingsJournal, said: list[str], journal_path: Path
) -> None:
    journal.raise_settings(lambda: needs(low, 1_000_000))

    def refuse(_root: Path, name: str, _value: str) -> None:
        raise OSError(1, f"Operation not permitted: {name}")

    refused = SettingsJournal(low, journal_path, said.append, refuse).release()
    assert len(refused.failed) > 3
    assert journal_path.exists()
    journal.restore()
    assert low.sysctl("kernel.pid_max") == "32768"
    assert not journal_path.exists()


def test_an_earlier_boot_changes_nothing(
    low: System, journal: SettingsJournal, said: list[str], journal_path: Path
) -> None:
    journal.raise_settings(lambda: needs(low, 1_000_000))
    write_setting(low.root, "kernel.random.boot_id", "second-boot")
    assert journal.restore().restored == []
    assert low.sysctl("kernel.pid_max") == "1133333"
    assert any("earlier boot" in line for line in said)
    assert not journal_path.exists()


def test_the_next_run_puts_back_what_a_crash_left(
    low: System, journal: SettingsJournal, said: list[str]
) -> None:
    before = values(low)
    journal.raise_settings(lambda: needs(low, 1_000_000))
    journal.raise_settings(lambda: needs(low, 2_000_000))
    assert any("put back first" in line for line in said)
    journal.release()
    assert values(low) == before


def test_a_living_holder_is_respected(
    low: System, journal: SettingsJournal, journal_path: Path
) -> None:
    journal.raise_settings(lambda: needs(low, 1_000_000))
    document = json.loads(journal_path.read_text())
    stat = low.root / "proc/4711/stat"
    stat.parent.mkdir(parents=True)
    stat.write_text("4711 (a name) with ) S " + " ".join(str(at) for at in range(4, 53)) + "\n")
    document.update(pid=4711, pid_start_ticks=22)
    journal_path.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="4711 has raised kernel settings and still runs"):
        journal.restore()
    # Another process that got the same number later.
    document.update(pid_start_ticks=21)
    journal_path.write_text(json.dumps(document))
    assert journal.restore().restored


@pytest.mark.parametrize("text", ["{", "[]", '{"kind": "c1m-run"}', '{"schema_version": 1}'])
def test_a_spoilt_journal_is_named(text: str, journal: SettingsJournal, journal_path: Path) -> None:
    journal_path.parent.mkdir(parents=True)
    journal_path.write_text(text)
    with pytest.raises(CommandError, match="cannot be used"):
        journal.restore()


def test_the_journal_is_on_disk_before_the_first_change(
    low: System, said: list[str], journal_path: Path
) -> None:
    seen: list[int] = []

    def write(root: Path, name: str, value: str) -> None:
        seen.append(len(json.loads(journal_path.read_text())["changes"]))
        write_setting(root, name, value)

    made = SettingsJournal(low, journal_path, said.append, write).raise_settings(
        lambda: needs(low, 1_000_000)
    )
    assert seen == [len(made)] * len(made)


def test_the_doctor_sizes_the_machine(low: System) -> None:
    document = examine(low, 1_000_000)
    check("doctor", document)
    found = {setting["name"]: setting for setting in document["settings"]}
    assert found["kernel.pid_max"]["enough"] is False
    assert found["vm.max_map_count"]["enough"] is True  # 2 x 19,936 + 1,000
    assert found["kernel.pid_max"]["explanation"]
    assert examine(low)["settings"] == []


def test_memory_bounds_the_pages_of_buffers(tmp_path: Path) -> None:
    system = machine(tmp_path, {**LOW, "proc/meminfo": "MemTotal: 8000 kB\nMemAvailable: 1 kB\n"})
    found = {need.name: need for need in needs(system, 1_000_000)}
    assert found["net.ipv4.tcp_mem"].needed == "500 750 1000"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set kernel settings")
def test_real_settings_survive_a_sigkill(tmp_path: Path) -> None:
    """On the real kernel, with a setting of a network namespace that nobody else sees."""
    raise_and_die = """
import os, signal
from c1m.doctor.facts import System
from c1m.kernel.journal import SettingsJournal, default_journal
from c1m.kernel.needs import needs
system = System()
found = [n for n in needs(system, 1_000_000) if n.name == "net.core.somaxconn"]
SettingsJournal(system, default_journal(), print).raise_settings(lambda: found)
os.kill(os.getpid(), signal.SIGKILL)
"""
    python = f'"{sys.executable}" -P'
    steps = f"""
echo 1234 > /proc/sys/net/core/somaxconn
{python} -c '{raise_and_die}'
cat /proc/sys/net/core/somaxconn
{python} -m c1m doctor --restore
cat /proc/sys/net/core/somaxconn
"""
    state = tmp_path / "state"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", steps],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "C1M_STATE_DIRECTORY": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.isdigit()] == ["65535", "1234"], done.stderr
    assert "65535 -> 1234 again" in done.stderr
    assert not (state / "kernel-settings.json").exists()
