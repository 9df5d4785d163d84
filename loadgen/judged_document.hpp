// From a run's outcome to its whole document: merged, checked, and held against the user's bounds.
// Threads: pure functions. Not here: the checks themselves (validity), writing (load_output).
#pragma once

#include <vector>

#include "loadgen/load_run.hpp"
#include "loadgen/load_settings.hpp"
#include "measure/load_document.hpp"

namespace c1m::loadgen {

[[nodiscard]] measure::LoadDocument judged_document(const LoadSettings& settings,
                                                    const std::vector<AddressRange>& sources,
                                                    const RunOutcome& outcome);

}  // namespace c1m::loadgen
