// Step by step; see search_run.hpp.
#include "loadgen/search_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "loadgen/judged_document.hpp"
#include "loadgen/load_run.hpp"
#include "loadgen/search_report.hpp"
#include "loadgen/search_step.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

namespace c1m::loadgen {
namespace {

LoadSettings settings_of_step(const LoadSettings& settings, const SearchProbe& probe,
                              std::uint32_t number) {
  LoadSettings step = settings;
  step.schedule.rate = {.segments = {}, .then_per_s = probe.rate_rps};
  step.seed += number;
  step.search.reset();
  return step;
}

measure::Settings describe_search(const LoadSettings& settings, std::uint32_t shards,
                                  const std::vector<AddressRange>& sources) {
  measure::Settings described = describe_settings(settings, shards, sources);
  // Each step has its own; the seed is the first one's.
  std::erase_if(described, [](const auto& each) { return each.first == "rate_rps"; });
  const SearchPlan& plan = settings.search->plan;
  described.emplace_back("search_from_rps", plan.from_rps);
  described.emplace_back("search_to_rps", plan.to_rps);
  described.emplace_back("search_factor", plan.factor);
  described.emplace_back("search_resolution", plan.resolution);
  described.emplace_back("search_confidence", plan.confidence);
  described.emplace_back("search_steps_max", std::uint64_t{plan.steps_max});
  return described;
}

measure::SearchStep describe_step(const SearchProbe& probe, const LoadSettings& settings,
                                  const measure::LoadDocument& document, const Threshold& objective,
                                  StepOutcome outcome) {
  measure::SearchStep step;
  step.outcome = name_of(outcome);
  step.phase = probe.phase;
  step.rate_rps = probe.rate_rps;
  step.seed = settings.seed;
  step.objective = judge(objective, document);
  step.rate_achieved_rps = document.rate_achieved_rps;
  if (document.send_lag_ns && !document.send_lag_ns->empty()) {
    step.send_lag_p99_us = static_cast<double>(document.send_lag_ns->value_at_percentile(99)) /
                           static_cast<double>(os::ns_per_us);
  }
  step.generator_cpu_utilization_max = document.cpu_utilization_max();
  step.valid = document.valid();
  step.invalid_reasons = document.invalid_reasons();
  return step;
}

void show(const LoadSettings& settings, const measure::SearchDocument& document) {
  if (settings.progress == ProgressKind::never) return;
  // Progress that cannot be shown is no reason to end a search.
  static_cast<void>(os::write_all(
      STDERR_FILENO, fmt::format("c1m-load: {}", format_search_step(document.steps.size(),
                                                                    document.steps.back()))));
}

void conclude(measure::SearchDocument& document, const RateSearch& search) {
  document.held_rps = search.held();
  document.failed_rps = search.failed();
  document.bound_by = search.bound_by();
  document.confidence = search.confidence();
  document.converged = search.converged();
}

}  // namespace

os::Result<SearchOutcome> run_search(const LoadSettings& settings, std::uint32_t shards,
                                     const std::vector<AddressRange>& sources) {
  const Threshold& objective = settings.search->objective;
  SearchOutcome result;
  measure::SearchDocument& document = result.document;
  document.started_utc = os::format_utc(os::realtime_ns());
  document.objective = objective.text;
  document.settings = describe_search(settings, shards, sources);
  RateSearch search(settings.search->plan);
  std::vector<std::pair<double, measure::LoadDocument>> held_runs;
  while (const auto probe = search.next()) {
    const LoadSettings step = settings_of_step(settings, *probe, search.steps());
    const auto outcome = run_load(step, shards, sources);
    if (!outcome) return std::unexpected(outcome.error());
    result.failures = outcome->failures;
    result.signal_number = outcome->signal_number;
    document.stopped_by = outcome->stopped_by;
    if (outcome->stopped_by || !outcome->failures.empty()) break;
    auto run = judged_document(step, sources, *outcome);
    const StepOutcome step_outcome =
        settings.search->of_generator ? outcome_of_generator(run) : outcome_of(run, objective);
    search.record(probe->rate_rps, step_outcome);
    document.steps.push_back(describe_step(*probe, step, run, objective, step_outcome));
    show(settings, document);
    if (step_outcome != StepOutcome::held) continue;
    // Only the latest of each rate: a rate that later turns out not to hold leaves an older one.
    std::erase_if(held_runs, [&](const auto& each) { return each.first == probe->rate_rps; });
    held_runs.emplace_back(probe->rate_rps, std::move(run));
  }
  conclude(document, search);
  for (auto& [rate_rps, run] : held_runs) {
    if (document.held_rps == rate_rps) document.held_run = std::move(run);
  }
  return result;
}

}  // namespace c1m::loadgen
