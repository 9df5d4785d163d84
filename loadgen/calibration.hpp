// What the generator can do on this machine: its floor, and the highest rate at which a run against
// a trivial echo passes every check.
//
// The echo runs in a process of its own, on CPUs that the generator does not use where there are
// any; the rate is found as --search finds one, but a step holds when it is valid. Threads: one; it
// forks. Not here: where the result is kept (main), its JSON (measure/).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadgen/load_settings.hpp"
#include "measure/calibration_document.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

struct CalibrationOutcome {
  measure::CalibrationDocument document;
  int signal_number = 0;
  std::vector<std::string> failures;
};

// `settings.search` is set; the target in `settings` is replaced by the echo.
[[nodiscard]] os::Result<CalibrationOutcome> calibrate(LoadSettings settings, std::uint32_t shards);

// A few lines for a person.
[[nodiscard]] std::string format_calibration(const measure::CalibrationDocument& document);

// Where `c1m doctor` looks: below $XDG_CACHE_HOME or ~/.cache; empty when neither is known.
[[nodiscard]] std::string default_calibration_path();

}  // namespace c1m::loadgen
