// Reading a step's checks; see search_step.hpp.
#include "loadgen/search_step.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace c1m::loadgen {
namespace {

// Checks that fail because of the server or the way to it. Any other is about the generator, the
// machine or the accounting.
constexpr std::array<std::string_view, 25> server_checks{
    "something_measured",   "nothing_unsent",  "nothing_lost",
    "nothing_corrupt",      "nothing_late",    "nothing_in_flight_at_end",
    "established_at_start", "proven_alive",    "established_at_end",
    "handshakes_answered",  "protocol_kept",   "pings_answered",
    "compression_agreed",   "closes_answered", "listen_overflows",
    "syn_cookies",          "conntrack_drops", "softnet_drops",
    "lives_closed",         "lives_reopened",  "churn_achieved",
    "half_open_stood",      "slow_stood",      "slow_answered_right",
    "syn_queue_drops"};

// Checks on the generator's pace, which can only lengthen response times.
constexpr std::array<std::string_view, 2> pace_checks{"send_lag_p99_us", "generator_cpu"};

}  // namespace

StepOutcome outcome_of(const measure::LoadDocument& document, const Threshold& objective) {
  bool is_kept = judge(objective, document).ok;
  bool is_late = false;
  bool is_sound = true;
  for (const measure::ValidityCheck& check : document.checks) {
    if (check.ok != false) continue;
    if ((std::ranges::find(server_checks, check.name) != server_checks.end())) {
      is_kept = false;
    } else if ((std::ranges::find(pace_checks, check.name) != pace_checks.end())) {
      is_late = true;
    } else {
      is_sound = false;
    }
  }
  if (!is_sound) return StepOutcome::generator;
  if (is_kept) return StepOutcome::held;
  return is_late ? StepOutcome::generator : StepOutcome::missed;
}

StepOutcome outcome_of_generator(const measure::LoadDocument& document) {
  return document.valid() ? StepOutcome::held : StepOutcome::generator;
}

const char* name_of(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::held:
      return "held";
    case StepOutcome::missed:
      return "missed";
    case StepOutcome::generator:
      break;
  }
  return "generator";
}

}  // namespace c1m::loadgen
