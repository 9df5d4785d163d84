// How long coroutines wait to run, run, and are blocked: what Runtime::histograms() returns.
// Threads: a value. Not here: measuring (observation.hpp).
#pragma once

#include <map>
#include <string>

#include "runtime/delay_histogram.hpp"
#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

struct RuntimeHistograms {
  DelayCounts ready_to_run;                   // from being made runnable to running
  DelayCounts run;                            // from running to park, yield, blocking call or end
  std::map<WaitReason, DelayCounts> blocked;  // from park to being made runnable, or of a call
};

// A line for each: how many, the median, the 99th percentile and the greatest.
[[nodiscard]] std::string to_text(const RuntimeHistograms& histograms);

}  // namespace c1m::runtime
