// The generator's document of --pauses: the meters of its CPUs and of its shards' loops, and the
// silences that the shards saw. Threads: pure functions. Not here: the meters (measure/).
#pragma once

#include <vector>

#include "loadgen/load_run.hpp"
#include "loadgen/load_settings.hpp"
#include "measure/pauses_document.hpp"

namespace c1m::loadgen {

[[nodiscard]] measure::PausesDocument pauses_document(const LoadSettings& settings,
                                                      const RunOutcome& outcome);

}  // namespace c1m::loadgen
