"""scripts/bootstrap.sh and ./c1m refuse clearly where something is missing.

apt-get, dpkg-query and sudo are stubs that record their arguments: nothing is installed here.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\n'


@dataclass(frozen=True)
class Machine:
    """A copy of the script, a PATH of stubs, and a made-up distribution."""

    root: Path
    stubs: Path

    def stub(self, name: str, script: str) -> None:
        path = self.stubs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.root}/calls"\n{script}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        record = self.root / "calls"
        return record.read_text().splitlines() if record.exists() else []

    def run(self, *arguments: str, release: str = DEBIAN_12) -> subprocess.CompletedProcess[str]:
        os_release = self.root / "os-release"
        os_release.write_text(release)
        environment = os.environ | {
            "PATH": f"{self.stubs}:{os.environ['PATH']}",
            "C1M_OS_RELEASE": str(os_release),
        }
        command = [str(self.root / "scripts/bootstrap.sh"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/bootstrap.sh", tmp_path / "scripts")
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    # An environment that is as the lock file wants it.
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to("/bin/true")
    shutil.copy(ROOT / "requirements.lock", tmp_path / ".venv")
    made = Machine(tmp_path, tmp_path / "stubs")
    made.stubs.mkdir()
    made.stub("apt-get", "exit 0")
    return made


def without_packages(machine: Machine) -> None:
    machine.stub("dpkg-query", "exit 1")


def with_all_packages(machine: Machine) -> None:
    machine.stub("dpkg-query", "shift 2; for p in \"$@\"; do printf '%s\\tinstalled\\n' $p; done")


def test_does_nothing_and_says_nothing_when_all_is_there(machine: Machine) -> None:
    with_all_packages(machine)
    done = machine.run("test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not [call for call in machine.calls() if call.startswith("apt-get")]


def test_says_what_it_installs_before_it_does(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root installs without asking sudo")
    without_packages(machine)
    done = machine.run("bench")
    assert done.returncode == 0
    announced = next(line for line in done.stderr.splitlines() if "will install" in line)
    assert "libuv1-dev" in announced
    assert "libgtest-dev" not in announced, "the tests' packages are not for `make bench`"
    installs = [call for call in machine.calls() if call.startswith("apt-get install --yes")]
    assert len(installs) == 1
    assert "--no-install-recommends" in installs[0]


def test_fetches_package_lists_only_when_a_package_is_not_found(machine: Machine) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root installs without asking sudo")
    without_packages(machine)
    machine.run("bench")
    assert not [call for call in machine.calls() if "update" in call]
    machine.stub("apt-get", '[ "$2" != --simulate ]')
    done = machine.run("bench")
    assert done.returncode == 0
    assert [call for call in machine.calls() if "update" in call] == ["apt-get update --quiet"]


@pytest.mark.parametrize("release", ["ID=fedora\nVERSION_ID=41\n", 'ID=debian\nVERSION_ID="13"\n'])
def test_stops_on_another_distribution_with_the_list(machine: Machine, release: str) -> None:
    without_packages(machine)
    done = machine.run("test", release=release)
    assert done.returncode == 4
    assert "C1M_PACKAGES=skip" in done.stderr
    assert "\n  libuv1-dev\n" in done.stderr
    assert "\n  libgtest-dev\n" in done.stderr
    assert not [call for call in machine.calls() if call.startswith("apt-get")]


def test_runs_on_another_distribution_once_all_is_there(machine: Machine) -> None:
    with_all_packages(machine)
    assert machine.run("test", release="ID=devuan\nVERSION_ID=5\n").returncode == 0


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_wrong_usage_is_exit_code_2(machine: Machine, arguments: tuple[str, ...]) -> None:
    done = machine.run(*arguments)
    assert done.returncode == 2
    assert "usage: scripts/bootstrap.sh bench|test" in done.stderr


def test_the_command_says_how_to_get_its_environment(tmp_path: Path) -> None:
    shutil.copy(ROOT / "c1m", tmp_path)
    done = subprocess.run([str(tmp_path / "c1m"), "doctor"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "run `make bootstrap` first" in done.stderr


def test_the_command_runs_from_any_directory_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(ROOT / "c1m")
    # A module of the same name in the caller's directory must not be taken for the command.
    (tmp_path / "c1m.py").write_text("raise SystemExit('the wrong module')\n")
    done = subprocess.run([str(link), "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "doctor" in done.stdout
