// Time as c1m counts it: monotonic nanoseconds for durations, UTC only for names and records.
// Threads: every function may be called from any thread. Not here: timers (deadline_timer).
#pragma once

#include <cstdint>
#include <string>

#include "os/result.hpp"

namespace c1m::os {

using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds ns_per_us = 1'000;
inline constexpr Nanoseconds ns_per_ms = 1'000'000;
inline constexpr Nanoseconds ns_per_s = 1'000'000'000;

// CLOCK_MONOTONIC in ns. Never steps; comparable between the processes of one machine.
Nanoseconds monotonic_ns();

// The same clock as of the kernel's last tick: up to 10 ms late, and without reading the hardware's
// counter (CLOCK_MONOTONIC_COARSE).
Nanoseconds coarse_monotonic_ns();

// CLOCK_REALTIME in ns since the Unix epoch. May step; pair it with monotonic_ns() to see that.
Nanoseconds realtime_ns();

// CPU time that all threads of process `pid` have used, in ns (clock_getcpuclockid(3)).
// Fails with ESRCH when the process is gone.
[[nodiscard]] Result<Nanoseconds> process_cpu_ns(int pid);

// "2026-01-31T12:00:00.123Z" for a CLOCK_REALTIME value.
std::string format_utc(Nanoseconds realtime);

// Where a component reads the time. Production passes MonotonicClock, tests pass a ManualClock.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  [[nodiscard]] virtual Nanoseconds now_ns() const = 0;
};

class MonotonicClock final : public Clock {
 public:
  [[nodiscard]] Nanoseconds now_ns() const override { return monotonic_ns(); }
};

// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Nanoseconds start_ns = 0) : now_ns_(start_ns) {}
  [[nodiscard]] Nanoseconds now_ns() const override { return now_ns_; }
  void advance(Nanoseconds by_ns) { now_ns_ += by_ns; }

 private:
  Nanoseconds now_ns_;
};

}  // namespace c1m::os
