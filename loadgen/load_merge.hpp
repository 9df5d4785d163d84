// Adds the shards' results to one document: counts are summed, histograms added bucket by bucket,
// seconds laid over each other; percentiles are taken only from the sums.
// Threads: pure functions. Not here: judging (validity), writing (load_output).
#pragma once

#include <string>
#include <vector>

#include "loadgen/load_run.hpp"
#include "loadgen/load_settings.hpp"
#include "measure/histogram.hpp"
#include "measure/load_document.hpp"

namespace c1m::loadgen {

// What changed between the samples: SYNs sent again while connecting, listen queues and SYN cookies
// since before the first connect, the rest in the window. `has_window` false: only the former are
// known.
[[nodiscard]] measure::HostDeltas host_deltas(const HostSamples& samples, bool has_window);

// A second of the window, all shards together.
struct MergedSecond {
  measure::TimelineRow row;
  measure::Histogram latency_ns;
};
// Second `index`, of the shards that have it.
[[nodiscard]] MergedSecond merge_second(const std::vector<measure::LoadShardResult>& results,
                                        std::size_t index, bool is_open_loop);
// How many seconds the longest shard has.
[[nodiscard]] std::size_t timeline_length(const std::vector<measure::LoadShardResult>& results);

// The document without its checks.
[[nodiscard]] measure::LoadDocument merge_outcome(const LoadSettings& settings,
                                                  const std::vector<AddressRange>& sources,
                                                  const RunOutcome& outcome);

}  // namespace c1m::loadgen
