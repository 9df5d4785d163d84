// One run from its first connect to its last answer: brings the shards through the phases together,
// takes the host's counters at the right moments, and turns signals and losses into an orderly end.
//
// Threads: one. Not here: what the figures mean (load_merge, validity), where they go
// (load_output).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loadgen/load_settings.hpp"
#include "measure/kernel_counters.hpp"
#include "measure/load_document.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

// The kernel's counters at the moments that the document's differences are taken between.
struct HostSamples {
  measure::KernelCounters run_start;  // before the first connect
  measure::KernelCounters connected;  // after the last
  measure::KernelCounters window_start;
  measure::KernelCounters window_end;
};

struct RunOutcome {
  std::string started_utc;
  measure::LoadWindow window;  // empty when the run did not get there
  bool window_reached = false;
  std::optional<std::string> stopped_by;  // as the document says it
  int signal_number = 0;                  // that ended the run; 0: none did
  std::vector<std::string> failures;      // sentences; any of them makes the run a failure
  std::vector<measure::LoadShardResult> results;
  std::vector<std::pair<std::uint32_t, int>> shards;  // index and pid, also of those that died
  std::uint64_t shards_died = 0;
  HostSamples host;
  std::optional<measure::GeneratorFloor> floor;  // measured first of all
};

// Runs to the end. An error here is one of the supervisor's own (no process, no memory); everything
// that happens to the run stands in the outcome. A second SIGINT or SIGTERM ends the process at
// once.
[[nodiscard]] os::Result<RunOutcome> run_load(const LoadSettings& settings, std::uint32_t shards,
                                              const std::vector<AddressRange>& sources);

}  // namespace c1m::loadgen
