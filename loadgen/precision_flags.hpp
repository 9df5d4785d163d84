// The flags that say how exactly an open loop keeps to its plan, and at what price.
// Threads: one owner. Not here: the wait itself (shard_wait).
#pragma once

#include <string>

#include "loadgen/flag_reader.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// To sleep until a request is due costs a timer and a wake-up each time.
struct SendPrecision {
  os::Nanoseconds spin_ns = 0;   // looks instead of sleeping, so long before it is due
  os::Nanoseconds slack_ns = 0;  // sleeps up to so much longer; at most a second
};

// As the user wrote them.
struct PrecisionTexts {
  std::string spin = "0s";
  std::string send_slack = "0s";
};

// `has_rate`: an open loop with a rate of its own; in a search, lags that fall as the rate grows
// would hide the capacity. `send_lag_max_ns` is what the run's validity allows.
[[nodiscard]] SendPrecision read_precision(FlagReader& reader, const PrecisionTexts& texts,
                                           bool has_rate, os::Nanoseconds send_lag_max_ns);

}  // namespace c1m::loadgen
