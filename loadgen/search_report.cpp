// Text of a search; see search_report.hpp.
#include "loadgen/search_report.hpp"

#include <string_view>

#include <fmt/format.h>

#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

using measure::SearchDocument;
using measure::SearchStep;

std::string number_or_dash(const std::optional<double>& value) {
  return value ? fmt::format("{:.1f}", *value) : "-";
}

std::string bracket(const SearchDocument& document) {
  if (!document.held_rps && !document.failed_rps) return "  no step was finished\n";
  if (!document.held_rps) {
    return fmt::format("  {} was not met at {:g} requests/s, the lowest rate tried\n",
                       document.objective, *document.failed_rps);
  }
  if (!document.failed_rps) {
    return fmt::format(
        "  {} holds at {:g} requests/s, the highest rate allowed; the limit is higher\n",
        document.objective, *document.held_rps);
  }
  std::string text = fmt::format("  {} holds at {:g} requests/s, and not at {:g}\n",
                                 document.objective, *document.held_rps, *document.failed_rps);
  if (document.bound_by == "generator") {
    text += fmt::format(
        "  the GENERATOR was the limit at {:g}: the server may hold more than {:g} requests/s\n",
        *document.failed_rps, *document.held_rps);
  }
  return text;
}

}  // namespace

std::string format_search_step(std::size_t number, const SearchStep& step) {
  std::string text = fmt::format(
      "step {:>3}  {:<8}{:>12g}/s  {:<10} {} = {} {}, send lag p99 {} us, generator {:.0f} %\n",
      number, step.phase, step.rate_rps, step.outcome, step.objective.metric,
      number_or_dash(step.objective.value), step.objective.unit,
      number_or_dash(step.send_lag_p99_us), step.generator_cpu_utilization_max * 100);
  return text;
}

std::string format_search(const SearchDocument& document) {
  std::string text = fmt::format("c1m-load {}: the highest rate with {}\n\n",
                                 os::build_info().version, document.objective);
  for (std::size_t at = 0; at < document.steps.size(); ++at) {
    text += "  " + format_search_step(at + 1, document.steps[at]);
    if (document.steps[at].outcome == "held") continue;
    for (const std::string& reason : document.steps[at].invalid_reasons) {
      text += fmt::format("            {}\n", reason);
    }
  }
  text += "\n" + bracket(document);
  text += fmt::format("  confidence that this bracket is right: at least {:.1f} %, {} steps\n",
                      document.confidence * 100, document.steps.size());
  if (document.stopped_by) {
    text += fmt::format("  PARTIAL: stopped by {}\n", *document.stopped_by);
  } else if (!document.converged) {
    text += "  NOT CONVERGED: the steps were used up (--search-steps)\n";
  }
  return text;
}

}  // namespace c1m::loadgen
