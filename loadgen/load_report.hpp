// The result as a person reads it in a terminal: what was asked, what happened, and whether to
// believe it. Threads: pure functions. Not here: JSON (measure/load_document).
#pragma once

#include <cstdint>
#include <string>

#include "measure/load_document.hpp"

namespace c1m::loadgen {

[[nodiscard]] std::string format_report(const measure::LoadDocument& document);

// The failed checks, a line each; empty when the run is valid.
[[nodiscard]] std::string format_failed_checks(const measure::LoadDocument& document);

// A line for each threshold; only_crossed leaves out those that were kept.
enum class ShownThresholds : std::uint8_t { all, only_crossed };
[[nodiscard]] std::string format_thresholds(const measure::LoadDocument& document,
                                            ShownThresholds shown);

}  // namespace c1m::loadgen
