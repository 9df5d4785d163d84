// The flags that make an open loop's schedule: how many requests a second, in which pattern, and on
// which connections. Threads: any. Not here: the other flags (load_flags).
#pragma once

#include <string>

#include "loadgen/flag_reader.hpp"
#include "loadgen/schedule.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// As the user wrote them; empty: not given.
struct ScheduleTexts {
  std::string rate = {};
  std::string ramp = {};
  std::string steps = {};
  std::string burst = {};
  std::string trace = {};
  std::string arrival = "poisson";
  std::string choice = "uniform";

  // Any of those that make an open loop.
  [[nodiscard]] bool is_given() const {
    return !rate.empty() || !ramp.empty() || !steps.empty() || !trace.empty() || !burst.empty();
  }
};

// The warm-up runs at the first rate of a ramp or of steps, which fill the window. A trace begins
// with the warm-up. Mistakes go to the reader.
Schedule read_schedule(FlagReader& reader, const ScheduleTexts& texts, std::uint32_t connections,
                       os::Nanoseconds warmup_ns, os::Nanoseconds duration_ns);

}  // namespace c1m::loadgen
