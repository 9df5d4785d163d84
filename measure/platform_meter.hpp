// What the machine keeps from everybody on some CPUs: a thread on each that only sleeps and sees by
// how much it wakes up late (a hiccup meter), and one that looks ten times a second at what the
// kernel has counted of time that was not to be had: stolen by the hypervisor, throttled by a
// control group, lost to pressure (PSI). Invariant: what cannot be read is absent with its reason.
// Threads: one owner; the meter's threads are its own. Not here: threads with work (loop_meter).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "measure/live_histogram.hpp"
#include "measure/loop_meter.hpp"
#include "measure/pauses_document.hpp"
#include "measure/stall_log.hpp"
#include "os/clock.hpp"
#include "os/cpu_set.hpp"
#include "os/result.hpp"

namespace c1m::measure {

// Time lost so far, in the order of platform_kinds; only differences mean something.
inline constexpr std::array<const char*, 5> platform_kinds{"steal", "throttled", "psi_cpu",
                                                           "psi_memory", "psi_io"};
struct LostTimes {
  std::array<std::optional<os::Nanoseconds>, platform_kinds.size()> lost_ns;
  std::map<std::string, std::string> unavailable;  // by kind
};
// Steal is that of `cpus` together, throttling of the calling process's control groups, pressure
// ("some": at least one task waited) of the whole machine.
[[nodiscard]] LostTimes read_lost_times(const os::CpuSet& cpus);

// The steal column of /proc/stat for these CPUs, in ticks; nothing when one of them is missing.
[[nodiscard]] std::optional<std::uint64_t> parse_steal_ticks(std::string_view text,
                                                             const os::CpuSet& cpus);
// The total of the line "some" of a file of /proc/pressure, in us.
[[nodiscard]] std::optional<std::uint64_t> parse_pressure_us(std::string_view text);

class PlatformMeter {
 public:
  // Fails when no thread can be had. Signals that the caller has blocked stay blocked in them.
  [[nodiscard]] static os::Result<std::unique_ptr<PlatformMeter>> start(const os::CpuSet& cpus,
                                                                        os::Nanoseconds tick_ns);
  PlatformMeter(const PlatformMeter&) = delete;
  PlatformMeter& operator=(const PlatformMeter&) = delete;
  ~PlatformMeter();

  // Ends the threads, which takes up to a tenth of a second; what they have found, once.
  [[nodiscard]] std::vector<PauseMeter> stop();

 private:
  struct Sleeper {
    int cpu = 0;
    LoopPauses pauses;
    std::string unavailable;  // why it did not run
  };
  struct Counter {
    LiveHistogram lost_ns;  // between two looks
    StallLog stalls;
  };

  PlatformMeter(const os::CpuSet& cpus, os::Nanoseconds tick_ns);
  void sleep_on(Sleeper& sleeper, const std::stop_token& stop) const;
  void look_at_counters(const std::stop_token& stop);

  os::CpuSet cpus_;
  os::Nanoseconds tick_ns_;
  std::vector<std::unique_ptr<Sleeper>> sleepers_;
  std::array<Counter, platform_kinds.size()> counters_;
  std::map<std::string, std::string> unavailable_;  // of counters
  std::vector<std::jthread> threads_;
};

}  // namespace c1m::measure
