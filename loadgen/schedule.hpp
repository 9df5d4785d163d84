// What an open loop is asked to send: how many requests a second in which pattern, and on which
// connections. Threads: immutable after the command line was read. Not here: the drawing
// (arrival_plan).
#pragma once

#include <string>
#include <vector>

#include "loadgen/arrival_plan.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

struct Schedule {
  ArrivalProcess process = ArrivalProcess::poisson;
  RateProfile rate;  // empty for a trace
  std::vector<TracedArrival> trace;
  ConnectionChoice choice;
  std::string rate_text = "constant";  // for the document: which pattern
  std::string choice_text = "uniform";

  // Requests that the plan has before `offset_ns`: the expected number, of a trace the exact one.
  [[nodiscard]] double expected_arrivals(os::Nanoseconds offset_ns) const;
};

}  // namespace c1m::loadgen
