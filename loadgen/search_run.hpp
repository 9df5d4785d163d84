// A search as it happens: short open-loop runs against the target, one after another, until the
// highest rate that holds the objective is bracketed.
//
// Each step is a whole run with fresh connections and its own seed, so that repetitions of a rate
// do not replay the same arrivals. Threads: one; see run_load(). Not here: which rate is next
// (rate_search), what a step shows (search_step), text (search_report).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadgen/load_settings.hpp"
#include "measure/search_document.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

struct SearchOutcome {
  measure::SearchDocument document;
  int signal_number = 0;              // that ended it; 0: none did
  std::vector<std::string> failures;  // sentences; any of them ended the search as a failure
};

// `settings.search` is set. Errors are those of run_load().
[[nodiscard]] os::Result<SearchOutcome> run_search(const LoadSettings& settings,
                                                   std::uint32_t shards,
                                                   const std::vector<AddressRange>& sources);

}  // namespace c1m::loadgen
