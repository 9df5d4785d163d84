// Limits that the user sets on a run's figures, `p99<5ms`: parsing them and judging them.
//
//   threshold  = metric comparison bound            white space between them is ignored
//   metric     = [ "service-" | "send-lag-" ] ( "pN" | "mean" | "max" ) | "rate" | "errors" |
//   "lost" comparison = "<" | "<=" | ">" | ">=" bound      = a duration as in 5ms for latencies, a
//   number for rate, a count or N% for errors, lost
//
// A latency without prefix is the response time, in a closed loop the service time. `rate` is
// answers a second, `lost` counts requests whose connection ended before the answer, `errors` all
// that were not answered right and in time; their percentage is of the planned ones.
// Invariant: a figure that was not measured has not kept its threshold.
// Threads: pure functions. Not here: checks of validity, which are not the user's to set
// (validity).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "measure/load_document.hpp"

namespace c1m::loadgen {

enum class ThresholdSubject : std::uint8_t { latency, service, send_lag, rate, errors, lost };
enum class LatencyFigure : std::uint8_t { percentile, mean, max };
enum class Comparison : std::uint8_t { below, at_most, above, at_least };

struct Threshold {
  std::string text = {};  // as the user wrote it, without white space
  std::string metric = {};
  ThresholdSubject subject = ThresholdSubject::latency;
  LatencyFigure figure = LatencyFigure::percentile;  // of a histogram's subject
  double percentile = 0;                             // likewise, 0..100
  Comparison comparison = Comparison::below;
  double bound = 0;          // us, requests/s, requests, or a fraction of the planned requests
  bool is_fraction = false;  // of errors and lost
};

// The error is a sentence that names the text and what is allowed.
[[nodiscard]] std::expected<Threshold, std::string> parse_threshold(std::string_view text);

[[nodiscard]] measure::ThresholdVerdict judge(const Threshold& threshold,
                                              const measure::LoadDocument& document);

// Requests of the window that were planned and not answered right within the timeout.
[[nodiscard]] std::uint64_t count_errors(const measure::RequestCounts& counts);

}  // namespace c1m::loadgen
