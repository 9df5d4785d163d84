// The forms that validity checks take: a figure and its bound, or the reason why there is none.
// Threads: pure functions. Not here: which checks there are (validity, client_validity).
#pragma once

#include <cstdint>
#include <string>

#include "measure/load_document.hpp"

namespace c1m::loadgen {

[[nodiscard]] measure::ValidityCheck not_applied(std::string name, std::string unit,
                                                 std::string reason);

// A figure that must not exceed its bound.
[[nodiscard]] measure::ValidityCheck at_most(std::string name, double value, double bound,
                                             std::string unit, std::string explanation);

[[nodiscard]] measure::ValidityCheck none_of(std::string name, std::uint64_t value,
                                             std::string unit, std::string explanation);

[[nodiscard]] constexpr std::uint64_t distance(std::uint64_t left, std::uint64_t right) {
  return left > right ? left - right : right - left;
}

}  // namespace c1m::loadgen
