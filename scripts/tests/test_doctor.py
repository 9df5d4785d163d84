"""The doctor on trees of files in place of the machine, so that every limit can be made to bind."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from c1m.doctor.facts import System
from c1m.doctor.limits import all_limits, connections_max
from c1m.doctor.observations import observations
from c1m.doctor.text import examine, refusal
from c1m.documents import check

# A machine where nothing binds below ten million connections but what a test changes.
ROOMY = {
    "proc/sys/fs/nr_open": "1048576",
    "proc/sys/fs/file-max": "100000000",
    "proc/sys/fs/epoll/max_user_watches": "100000000",
    "proc/sys/net/ipv4/ip_local_port_range": "1024\t65535",
    "proc/sys/net/ipv4/tcp_mem": "287901\t383869\t575802",
    "proc/sys/net/core/somaxconn": "4096",
    "proc/sys/kernel/threads-max": "100000000",
    "proc/sys/kernel/pid_max": "100000000",
    "proc/sys/vm/max_map_count": "65530",
    "proc/meminfo": "MemTotal: 1000000000 kB\nMemAvailable: 900000000 kB\n",
    "proc/loadavg": "0.00 0.00 0.00 1/200 4321",
    "proc/stat": "cpu  100 0 100 700 0 0 0 100 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n",
    "proc/self/cgroup": "0::/\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory pids",
}


def machine(root: Path, files: dict[str, str | None] | None = None, **given: Any) -> System:
    """A machine like ROOMY with some files changed, or taken away where they are None."""
    for name, text in {**ROOMY, **(files or {})}.items():
        path = root / name
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    settings: dict[str, Any] = {
        "descriptors": (1024, 1048576),
        "processes": (-1, -1),
        "allowed_cpus": [0, 1],
        "open_loopback": lambda _: [],
        "calibration_path": root / "calibration.json",
    }
    return System(root, **{**settings, **given})


def most(system: System, backend: str) -> tuple[int, str]:
    return connections_max(all_limits(system), backend)


def test_a_roomy_machine_allows_ten_million(tmp_path: Path) -> None:
    system = machine(tmp_path)
    assert most(system, "uv")[0] > 10_000_000
    assert most(system, "threads")[0] > 10_000_000


@pytest.mark.parametrize(
    ("files", "backend", "expected", "name"),
    [
        # Two files a connection; a tenth is left to the rest.
        ({"proc/sys/fs/file-max": "2000"}, "uv", 900, "open files of the machine"),
        ({"proc/sys/fs/epoll/max_user_watches": "5000"}, "coro", 2500, "epoll watches of a user"),
        # 101 ports for each of 254 source addresses.
        (
            {"proc/sys/net/ipv4/ip_local_port_range": "1000 1100"},
            "uv",
            101 * 254,
            "ephemeral ports",
        ),
        # 200 threads exist.
        ({"proc/sys/kernel/threads-max": "10000"}, "threads", 8800, "threads of the machine"),
        ({"proc/sys/kernel/pid_max": "32768"}, "threads", 29291, "process numbers"),
        ({"sys/fs/cgroup/pids.max": "1000"}, "threads", 900, "threads of the cgroup"),
        # (65530 - 1000) / 2 threads a shard would be 33 million on 1024 shards.
        ({"proc/sys/vm/max_map_count": "1200"}, "threads", 102_400, "memory mappings of a process"),
        # 7,800 + 64 + 300 bytes a connection.
        ({"proc/meminfo": "MemAvailable: 1000000 kB"}, "uv", 112_886, "memory"),
        (
            {"sys/fs/cgroup/memory.max": "1000000000", "sys/fs/cgroup/memory.current": "500000000"},
            "uv",
            55_120,
            "memory of the cgroup",
        ),
    ],
)
def test_each_limit_can_bind(
    files: dict[str, str | None], backend: str, expected: int, name: str, tmp_path: Path
) -> None:
    found, binding = most(machine(tmp_path, files), backend)
    assert binding == name
    assert found == pytest.approx(expected, abs=1)


def test_thread_limits_do_not_bear_on_the_others(tmp_path: Path) -> None:
    system = machine(tmp_path, {"proc/sys/kernel/threads-max": "1000"})
    assert most(system, "threads")[0] < 1000
    assert most(system, "coro")[0] > 10_000_000


def test_descriptors_are_multiplied_by_shards(tmp_path: Path) -> None:
    system = machine(tmp_path, descriptors=(1024, 1064))
    assert most(system, "uv") == (1000 * 1024, "descriptors of a process")


def test_unlimited_descriptors_are_bound_by_nr_open(tmp_path: Path) -> None:
    system = machine(tmp_path, {"proc/sys/fs/nr_open": "164"}, descriptors=(-1, -1))
    assert most(system, "uv") == (100 * 1024, "descriptors of a process")


def test_the_user_limit_on_processes_bears_on_threads(tmp_path: Path) -> None:
    assert most(machine(tmp_path, processes=(500, 1000)), "threads") == (900, "threads of the user")


class Tracker:
    """Connection tracking whose count rises by what is opened, or does not."""

    def __init__(self, root: Path, counts: bool) -> None:
        self.file = root / "proc/sys/net/netfilter/nf_conntrack_count"
        self.counts = counts

    def open(self, count: int) -> list[socket.socket]:
        if self.counts:
            self.file.write_text(f"{100 + count}\n")
        return []


@pytest.mark.parametrize(("counts", "binds"), [(True, True), (False, False)])
def test_tracking_binds_only_where_loopback_is_tracked(
    counts: bool, binds: bool, tmp_path: Path
) -> None:
    files: dict[str, str | None] = {
        "proc/sys/net/netfilter/nf_conntrack_max": "262144",
        "proc/sys/net/netfilter/nf_conntrack_count": "100",
    }
    system = machine(tmp_path, files, open_loopback=Tracker(tmp_path, counts).open)
    assert (most(system, "uv") == (262_044, "connection tracking")) is binds


def test_version_1_cgroups_are_read_with_their_ancestors(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "sys/fs/cgroup/cgroup.controllers": None,
        "proc/self/cgroup": "4:memory:/a/b\n3:cpu,cpuacct:/a\n2:pids:/\n0::/",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4000000000",
        "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "8000000000",
        "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "1000",
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "150000",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/pids/pids.max": "max",
    }
    found = machine(tmp_path, files).cgroup()
    assert (found.version, found.cpu_cores, found.memory_bytes, found.pids) == (
        1,
        1.5,
        4_000_000_000,
        None,
    )
    assert found.memory_used_bytes == 1000


def test_version_2_cgroups_take_the_tightest_ancestor(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "proc/self/cgroup": "0::/service/bench",
        "sys/fs/cgroup/service/cpu.max": "200000 100000",
        "sys/fs/cgroup/service/bench/cpu.max": "max 100000",
        "sys/fs/cgroup/service/memory.max": "1000",
        "sys/fs/cgroup/service/bench/memory.max": "max",
        "sys/fs/cgroup/service/bench/pids.max": "50",
    }
    found = machine(tmp_path, files).cgroup()
    assert (found.version, found.cpu_cores, found.memory_bytes, found.pids) == (2, 2.0, 1000, 50)


def test_an_unlimited_version_1_cgroup_is_no_limit(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "sys/fs/cgroup/cgroup.controllers": None,
        "proc/self/cgroup": "4:memory:/",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    assert machine(tmp_path, files).cgroup().memory_bytes is None


def test_a_machine_that_says_nothing_gives_nulls_with_reasons(tmp_path: Path) -> None:
    empty = System(tmp_path, (1024, 4096), (-1, -1), [0], lambda _: [])
    document = examine(empty)
    check("doctor", document)
    for limit in document["limits"]:
        assert limit["value"] is not None or limit["unavailable"]


def test_every_limit_with_a_count_has_a_remedy_or_is_memory(tmp_path: Path) -> None:
    for limit in all_limits(machine(tmp_path)):
        if any(count is not None for count in limit.connections_max.values()):
            assert limit.remedy or limit.name == "memory"


def test_a_refusal_names_limit_and_remedy(tmp_path: Path) -> None:
    document = examine(machine(tmp_path, {"proc/sys/kernel/threads-max": "10000"}))
    check("doctor", document)
    assert refusal(document, 8800) is None
    text = refusal(document, 8801)
    assert text is not None
    assert "threads: 8801 connections do not fit; 'threads of the machine' allows 8800" in text
    assert "sysctl -w kernel.threads-max" in text
    assert "coro" not in text


def verdicts(system: System) -> dict[str, bool | None]:
    return {seen.name: seen.ok for seen in observations(system)}


def test_observations_judge(tmp_path: Path) -> None:
    threads = {
        f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": "0-1" for cpu in (0, 1)
    }
    files: dict[str, str | None] = {
        **threads,
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
        "proc/sys/net/core/somaxconn": "128",
    }
    found = verdicts(machine(tmp_path, files))
    assert found["CPUs"] is True
    assert found["cores"] is False
    assert found["governor"] is False
    assert found["somaxconn"] is False
    assert found["steal"] is False  # 100 of 1000 ticks
    assert found["loopback tracked"] is None


def test_one_cpu_is_seen(tmp_path: Path) -> None:
    assert verdicts(machine(tmp_path, allowed_cpus=[0]))["CPUs"] is False


def test_the_command_on_this_machine(run_c1m: Any) -> None:
    done = run_c1m("doctor", "--format", "json", "--connections", "10")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    check("doctor", document)
    assert all(count > 10 for count in document["connections_max"].values())
    text = run_c1m("doctor")
    assert "what binds" in text.stdout
    for limit in document["limits"]:
        assert limit["name"] in text.stdout


CALIBRATION = {
    "schema_version": 1,
    "kind": "c1m-calibration",
    "version": "0.1.0",
    "commit": "0123456789abcdef",
    "preset": "release",
    "dirty": False,
    "started_utc": "2026-01-31T12:00:00Z",
    "settings": {"shards": 1},
    "echo_cpus": "1",
    "shares_cpus": False,
    "floor": {"message_bytes": 64, "p50_us": 8.25, "p99_us": 12.5},
    "punctual_rps": 41000,
    "unpunctual_rps": 43000,
    "confidence": 0.96,
    "converged": True,
    "steps": 20,
    "at_punctual_rate": {
        "cpu_us_per_request": 9.5,
        "cpu_utilization_max": 0.4,
        "send_lag_p99_us": 200,
    },
}


def _of_generator(system: System) -> Any:
    name = "punctual rate of the generator"
    return next(each for each in observations(system) if each.name == name)


def test_a_stored_calibration_is_shown(tmp_path: Path) -> None:
    system = machine(tmp_path)
    system.calibration_path.write_text(json.dumps(CALIBRATION))
    seen = _of_generator(system)
    assert (seen.value, seen.ok) == (41000, True)
    for words in ("9.5 us of CPU", "p50 8.2 us, p99 12.5 us", "release build of 0123456789ab"):
        assert words in seen.explanation
    check("doctor", examine(system))


@pytest.mark.parametrize("change", [{"converged": False}, {"preset": "dev"}])
def test_a_calibration_that_does_not_count_is_bad(tmp_path: Path, change: dict[str, Any]) -> None:
    system = machine(tmp_path)
    system.calibration_path.write_text(json.dumps(CALIBRATION | change))
    assert _of_generator(system).ok is False


@pytest.mark.parametrize("text", [None, "{", '{"kind": "c1m-calibration"}'])
def test_without_a_whole_calibration_the_doctor_says_how(tmp_path: Path, text: str | None) -> None:
    system = machine(tmp_path)
    if text is not None:
        system.calibration_path.write_text(text)
    seen = _of_generator(system)
    assert (seen.value, seen.ok) == (None, None)
    assert "--calibrate" in seen.explanation
    check("doctor", examine(system))
