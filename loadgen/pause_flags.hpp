// The flags that switch the meters of pauses on. Threads: one owner. Not here: the meters
// (measure/).
#pragma once

#include <string>

#include "loadgen/flag_reader.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

struct PauseSettings {
  // Silences cost nothing while there are answers, so they are kept from this length on, whatever
  // the tick of the loops is.
  static constexpr os::Nanoseconds silence_floor_ns = os::ns_per_ms;

  std::string path;  // empty: off
  os::Nanoseconds tick_ns = os::ns_per_ms;
};

// As the user wrote them; empty where he did not.
struct PauseTexts {
  std::string path;
  std::string threshold;
};

[[nodiscard]] PauseSettings read_pauses(FlagReader& reader, const PauseTexts& texts);

}  // namespace c1m::loadgen
