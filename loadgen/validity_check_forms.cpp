// Filling checks in; see validity_check_forms.hpp.
#include "loadgen/validity_check_forms.hpp"

#include <utility>

namespace c1m::loadgen {

using measure::ValidityCheck;

ValidityCheck not_applied(std::string name, std::string unit, std::string reason) {
  return {.name = std::move(name),
          .value = {},
          .bound = {},
          .unit = std::move(unit),
          .ok = {},
          .explanation = std::move(reason)};
}

ValidityCheck at_most(std::string name, double value, double bound, std::string unit,
                      std::string explanation) {
  return {.name = std::move(name),
          .value = value,
          .bound = bound,
          .unit = std::move(unit),
          .ok = value <= bound,
          .explanation = std::move(explanation)};
}

ValidityCheck none_of(std::string name, std::uint64_t value, std::string unit,
                      std::string explanation) {
  return at_most(std::move(name), static_cast<double>(value), 0, std::move(unit),
                 std::move(explanation));
}

}  // namespace c1m::loadgen
