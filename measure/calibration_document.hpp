// What this machine's generator can do (kind "c1m-calibration"), as c1m-load --calibrate stores it
// and `c1m doctor` shows it. Threads: pure functions. Not here: measuring it (loadgen's
// calibration).
#pragma once

#include <optional>
#include <string>

#include "measure/load_document.hpp"
#include "measure/search_document.hpp"

namespace c1m::measure {

struct CalibrationDocument {
  std::string echo_cpus;     // of the echo server, as in "1"; the generator's are in the settings
  bool shares_cpus = false;  // generator and echo had to share CPUs
  GeneratorFloor floor;
  SearchDocument search;  // for the highest rate at which every check passes
};

// Indented JSON with a newline at its end.
[[nodiscard]] std::string write_calibration_document(const CalibrationDocument& document);

}  // namespace c1m::measure
