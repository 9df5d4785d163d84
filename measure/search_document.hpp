// The document of a search for the highest rate (kind "c1m-load-search"): every step, what came of
// it, and the whole document of the best run that held.
// Threads: pure functions. Not here: how the search goes on (loadgen's rate_search).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/load_document.hpp"

namespace c1m::measure {

struct SearchStep {
  std::string phase;  // "bracket", "bisect" or "repeat"
  double rate_rps = 0;
  std::uint64_t seed = 0;
  std::string outcome;         // "held", "missed" or "generator"
  ThresholdVerdict objective;  // as this step's figure stands to it
  double rate_achieved_rps = 0;
  std::optional<double> send_lag_p99_us;
  double generator_cpu_utilization_max = 0;
  bool valid = false;
  std::vector<std::string> invalid_reasons;
};

struct SearchDocument {
  std::string started_utc;
  std::string objective;  // as the user wrote it
  Settings settings;      // of every step but rate and seed, and of the search
  std::optional<std::string> stopped_by;
  std::vector<SearchStep> steps;
  std::optional<double> held_rps;
  std::optional<double> failed_rps;  // the lowest rate above it that was not held
  std::string bound_by;              // "objective", "generator" or "search range"
  double confidence = 0;             // that both edges are right, 0..1
  bool converged = false;
  std::optional<LoadDocument> held_run;  // the last step at held_rps
};

// Indented JSON with a newline at its end.
[[nodiscard]] std::string write_search_document(const SearchDocument& document);

}  // namespace c1m::measure
