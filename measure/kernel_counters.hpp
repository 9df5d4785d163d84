// Counters of the kernel that betray a spoilt measurement: full listen queues, dropped packets,
// a processor that someone else had, a quota that held the process back.
//
// Invariant: what cannot be read is absent, with its reason in `unavailable` under its own name; it
// is never zero instead. Network counters are those of the calling process's network namespace.
// Threads: any. Not here: what a process itself used (process_probe).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/clock.hpp"

namespace c1m::measure {

// Processor time of the whole machine since its start, in clock ticks.
struct MachineTicks {
  std::uint64_t total = 0;
  std::uint64_t steal = 0;  // wanted by this virtual machine, given to another by the hypervisor

  friend bool operator==(const MachineTicks&, const MachineTicks&) = default;
};

// All values count up from an unknown start: only differences of two samples mean something.
struct KernelCounters {
  std::optional<std::uint64_t> listen_overflows;  // an accept queue was full
  std::optional<std::uint64_t> listen_drops;      // a SYN was dropped for any reason
  std::optional<std::uint64_t> syn_cookies_sent;  // a SYN queue was full
  std::optional<std::uint64_t> syn_queue_drops;   // likewise, with cookies switched off
  std::optional<std::uint64_t> syn_retransmits;   // SYNs, and answers to them
  std::optional<std::uint64_t> tcp_retransmits;   // segments
  std::optional<std::uint64_t> softnet_drops;     // packets that found a backlog full
  std::optional<std::uint64_t> conntrack_drops;   // packets and entries that had no room
  std::optional<MachineTicks> machine_ticks;
  std::optional<std::uint64_t> throttled_us;          // the control group's quota was used up
  std::optional<os::Nanoseconds> realtime_offset_ns;  // CLOCK_REALTIME minus CLOCK_MONOTONIC
  std::map<std::string, std::string> unavailable;
};

[[nodiscard]] KernelCounters read_kernel_counters();

// KernelCounters::throttled_us by itself; nothing for the reason below.
[[nodiscard]] std::optional<std::uint64_t> read_throttled_us();
inline constexpr const char* throttled_is_not_counted =
    "no cpu.stat of this process's control groups counts it";

// The parsers behind it, for text as the kernel prints it. Each returns nothing when the text does
// not hold what is asked for.

// One field of /proc/net/netstat or /proc/net/snmp: pairs of lines, names above values.
[[nodiscard]] std::optional<std::uint64_t> parse_net_field(std::string_view text,
                                                           std::string_view table,
                                                           std::string_view field);
// Sum of the second column (dropped) of /proc/net/softnet_stat, hexadecimal, a row a CPU.
[[nodiscard]] std::optional<std::uint64_t> parse_softnet_drops(std::string_view text);
// Sum of drop, early_drop and insert_failed in /proc/net/stat/nf_conntrack, a row a CPU.
[[nodiscard]] std::optional<std::uint64_t> parse_conntrack_drops(std::string_view text);
// The first line of /proc/stat.
[[nodiscard]] std::optional<MachineTicks> parse_machine_ticks(std::string_view text);
// throttled_usec (version 2) or throttled_time (version 1, ns) of a cpu.stat, in us.
[[nodiscard]] std::optional<std::uint64_t> parse_throttled_us(std::string_view text);
// The cpu.stat files of the control group in /proc/self/cgroup's text and of all groups above it,
// whose quotas bind as well; version 2 at /sys/fs/cgroup, version 1 at /sys/fs/cgroup/cpu.
[[nodiscard]] std::vector<std::string> cpu_stat_paths(std::string_view cgroup_text);

}  // namespace c1m::measure
