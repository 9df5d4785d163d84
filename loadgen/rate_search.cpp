// Where to look next; see rate_search.hpp.
#include "loadgen/rate_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace c1m::loadgen {
namespace {

// A failure is tried again before anything is built on it: one stall is likelier than a capacity.
constexpr int failed_lead_min = 2;
// (1 - p) / p of the header.
constexpr double odds_against = 0.25;

// Three significant digits: rates that a person can type again.
double rounded(double rate_rps) {
  const double scale = std::pow(10, std::floor(std::log10(rate_rps)) - 2);
  return std::round(rate_rps / scale) * scale;
}

}  // namespace

void RateSearch::record(double rate_rps, StepOutcome outcome) {
  ++steps_;
  Tally& tally = tallies_[rate_rps];
  switch (outcome) {
    case StepOutcome::held:
      ++tally.held;
      break;
    case StepOutcome::missed:
      ++tally.missed;
      break;
    case StepOutcome::generator:
      ++tally.generator;
      break;
  }
}

std::optional<double> RateSearch::failed() const {
  for (const auto& [rate_rps, tally] : tallies_) {
    if (tally.lead() < 0) return rate_rps;
  }
  return std::nullopt;
}

std::optional<double> RateSearch::held() const {
  const double below_rps = failed().value_or(std::numeric_limits<double>::infinity());
  std::optional<double> highest_rps;
  for (const auto& [rate_rps, tally] : tallies_) {
    if (rate_rps < below_rps && tally.lead() > 0) highest_rps = rate_rps;
  }
  return highest_rps;
}

std::string_view RateSearch::bound_by() const {
  const auto failed_rps = failed();
  if (!failed_rps) return "search range";
  const Tally& tally = tallies_.at(*failed_rps);
  return tally.generator >= tally.missed ? "generator" : "objective";
}

double RateSearch::confidence() const {
  const auto held_rps = held();
  const auto failed_rps = failed();
  int least = std::numeric_limits<int>::max();
  if (held_rps) least = std::min(least, lead(*held_rps));
  if (failed_rps) least = std::min(least, -lead(*failed_rps));
  if (!held_rps && !failed_rps) return 0;
  const double error = static_cast<double>(tallies_.size()) * std::pow(odds_against, least);
  return std::max(0.0, 1 - error);
}

std::optional<SearchProbe> RateSearch::next() const {
  if (steps_ >= plan_.steps_max) return std::nullopt;
  return following();
}

std::optional<SearchProbe> RateSearch::following() const {
  for (const auto& [rate_rps, tally] : tallies_) {
    if (tally.lead() == 0) return SearchProbe{.rate_rps = rate_rps, .phase = "repeat"};
  }
  const auto held_rps = held();
  const auto failed_rps = failed();
  if (failed_rps && -lead(*failed_rps) < failed_lead_min) {
    return SearchProbe{.rate_rps = *failed_rps, .phase = "repeat"};
  }
  if (held_rps && failed_rps) {
    if (const auto probe = narrower(*held_rps, *failed_rps)) return probe;
  } else if (held_rps && *held_rps < plan_.to_rps) {
    return SearchProbe{.rate_rps = std::min(rounded(*held_rps * plan_.factor), plan_.to_rps),
                       .phase = "bracket"};
  } else if (failed_rps && *failed_rps > plan_.from_rps) {
    return SearchProbe{.rate_rps = std::max(rounded(*failed_rps / plan_.factor), plan_.from_rps),
                       .phase = "bracket"};
  } else if (!held_rps && !failed_rps) {
    return SearchProbe{.rate_rps = plan_.from_rps, .phase = "bracket"};
  }
  return surer();
}

std::optional<SearchProbe> RateSearch::narrower(double held_rps, double failed_rps) const {
  if (failed_rps / held_rps - 1 <= plan_.resolution) return std::nullopt;
  const double middle_rps = rounded(std::sqrt(held_rps * failed_rps));
  // Three digits do not resolve a bracket without end.
  if (middle_rps <= held_rps || middle_rps >= failed_rps) return std::nullopt;
  return SearchProbe{.rate_rps = middle_rps, .phase = "bisect"};
}

// The edge that is less sure, unless both are sure enough.
std::optional<SearchProbe> RateSearch::surer() const {
  if (confidence() >= plan_.confidence) return std::nullopt;
  const auto held_rps = held();
  const auto failed_rps = failed();
  if (!failed_rps || (held_rps && lead(*held_rps) <= -lead(*failed_rps))) {
    return SearchProbe{.rate_rps = *held_rps, .phase = "repeat"};
  }
  return SearchProbe{.rate_rps = *failed_rps, .phase = "repeat"};
}

}  // namespace c1m::loadgen
