// Arrivals that were recorded elsewhere, to be replayed: a text file with an offset in seconds and,
// if it matters, a connection on each line. Invariants: offsets never decrease; a trace is not
// empty. Threads: any. Not here: which connection carries an arrival that names none.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "os/clock.hpp"

namespace c1m::loadgen {

// For an arrival that leaves the choice to the plan.
inline constexpr std::uint32_t any_connection = UINT32_MAX;

struct TracedArrival {
  os::Nanoseconds offset_ns = 0;
  std::uint32_t connection = any_connection;

  friend bool operator==(const TracedArrival&, const TracedArrival&) = default;
};

// Lines of OFFSET_S or OFFSET_S,CONNECTION; empty ones and those that begin with # say nothing.
// Offsets count from the start of the plan and have at most nine digits after the point;
// connections are numbered from 0 and below `connections`. The error is a sentence that names the
// line.
std::expected<std::vector<TracedArrival>, std::string> parse_trace(std::string_view text,
                                                                   std::uint32_t connections);

}  // namespace c1m::loadgen
