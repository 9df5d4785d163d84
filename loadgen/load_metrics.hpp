// A running test as OpenMetrics text, for Prometheus and its like. Times are seconds, as the format
// wants them; histograms have a bucket for each power of two from 1.024 us to 69 s.
// Threads: pure functions. Not here: HTTP (admin/), the result's figures (measure/load_document).
#pragma once

#include <string>

#include "loadgen/live_board.hpp"
#include "loadgen/load_settings.hpp"

namespace c1m::loadgen {

inline constexpr const char* open_metrics_content_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// The phases of a run, in their order.
inline constexpr std::array run_phases{"connecting", "holding", "warm-up",
                                       "window",     "proving", "draining"};

[[nodiscard]] std::string to_open_metrics(const LiveFigures& figures, LoadMode mode);

}  // namespace c1m::loadgen
