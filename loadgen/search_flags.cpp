// Reading the flags of a search; see search_flags.hpp.
#include "loadgen/search_flags.hpp"

#include <string_view>

#include <fmt/format.h>

namespace c1m::loadgen {
namespace {

void read_rates(FlagReader& reader, const std::string& text, SearchPlan& plan) {
  constexpr const char* flag = "--search-rates";
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    reader.report(flag, fmt::format("'{}' is not FROM:TO, as in 100:50000", text));
    return;
  }
  const std::string_view view = text;
  plan.from_rps = reader.real(flag, view.substr(0, colon), false);
  plan.to_rps = reader.real(flag, view.substr(colon + 1), false);
  if (plan.from_rps >= plan.to_rps) {
    reader.report(flag, fmt::format("'{}': the first rate is not below the second", text));
  }
}

// Errors and latencies grow with the rate; only an upper bound on them has a highest rate.
bool is_upper_bound(const Threshold& objective) {
  const bool is_below =
      objective.comparison == Comparison::below || objective.comparison == Comparison::at_most;
  return is_below && objective.subject != ThresholdSubject::rate;
}

}  // namespace

SearchSettings read_search(FlagReader& reader, const SearchTexts& texts) {
  constexpr std::uint32_t steps_most = 10'000;
  SearchSettings search;
  auto objective = parse_threshold(texts.objective);
  if (!objective) {
    reader.report("--search", objective.error());
  } else if (!is_upper_bound(*objective)) {
    reader.report("--search", fmt::format("'{}' is no upper bound on a latency, errors or lost, as "
                                          "in p99<10ms",
                                          texts.objective));
  } else {
    search.objective = *std::move(objective);
  }
  read_rates(reader, texts.rates, search.plan);
  search.plan.resolution = reader.share("--search-resolution", texts.resolution, 0.005, 1);
  search.plan.confidence = reader.share("--search-confidence", texts.confidence, 0.5, 0.9999);
  search.plan.steps_max =
      static_cast<std::uint32_t>(reader.whole("--search-steps", texts.steps, 1, steps_most));
  return search;
}

}  // namespace c1m::loadgen
