// The texts that Linux shows of a process under /proc/PID, parsed. Formats: proc(5).
// Every function returns nothing when the text is not what the kernel writes, and never throws.
// Threads: any. Not here: reading the files (process_probe.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace c1m::measure {

// From /proc/PID/stat; all of them count the whole process, ended threads included.
struct ProcessStat {
  std::uint64_t page_faults_minor = 0;
  std::uint64_t page_faults_major = 0;
  std::uint64_t user_ticks = 0;    // in units of 1 / sysconf(_SC_CLK_TCK) seconds
  std::uint64_t system_ticks = 0;  // likewise
  std::uint64_t threads = 0;
};
// The process name stands in parentheses and may hold spaces, parentheses and newlines; the fields
// start after the last closing one.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

// From /proc/PID/smaps_rollup (Linux 4.14), in bytes.
struct MemoryRollup {
  std::uint64_t rss_bytes = 0;
  std::uint64_t pss_bytes = 0;  // RSS with each shared page divided by the number of its users
  std::uint64_t private_dirty_bytes = 0;
};
std::optional<MemoryRollup> parse_memory_rollup(std::string_view text);

// From /proc/PID/task/TID/status: of this one thread.
struct ContextSwitches {
  std::uint64_t voluntary = 0;    // the thread waited
  std::uint64_t involuntary = 0;  // it was preempted
};
std::optional<ContextSwitches> parse_context_switches(std::string_view text);

// From /proc/PID/task/TID/schedstat: how long this thread was runnable without a CPU, in ns.
std::optional<std::uint64_t> parse_run_queue_delay(std::string_view text);

}  // namespace c1m::measure
