// Whether a run's figures may be believed: each check with its value, its bound and a sentence.
//
// Invariants: a check that does not apply, or that this machine cannot make, says so and fails
// nothing; the others are decided by the document alone, so that a reader can decide them again.
// Threads: pure functions. Not here: counting (accounting), the host's counters (kernel_counters).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "loadgen/load_settings.hpp"
#include "measure/load_document.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

struct ValidityBounds {
  os::Nanoseconds send_lag_p99_max_ns = os::ns_per_ms;
  double generator_cpu_max = 0.9;       // of one CPU, in the busiest shard
  double rate_error_max = 0.01;         // of the planned count
  double littles_law_error_max = 0.05;  // relative
  double littles_law_slack = 0.1;       // requests in flight, for runs that have hardly any
  double realtime_step_max_us = 1'000;
  double steal_fraction_max = 0.05;
  double unkind_missing_max = 0.05;  // of the half-open or slow clients that were asked for
};

// What the checks know beside the document.
struct ValidityContext {
  LoadMode mode = LoadMode::open;
  std::uint32_t pipeline = 1;  // requests in flight on a connection of a closed loop
  // How many arrivals the plan has in the window, counted apart from the shards; nothing if they
  // were too many to count again.
  std::optional<std::uint64_t> plan_count;
  // Likewise which lives of connections end in it, with lifetimes.
  std::optional<PlannedEnds> ends_count;
  std::uint64_t shards_died = 0;
  ValidityBounds bounds;
};

// All checks, in the order in which they are shown. `document.checks` is not read.
[[nodiscard]] std::vector<measure::ValidityCheck> check_validity(
    const measure::LoadDocument& document, const ValidityContext& context);

}  // namespace c1m::loadgen
