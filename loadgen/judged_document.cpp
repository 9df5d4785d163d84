// Merging, checking, judging; see judged_document.hpp.
#include "loadgen/judged_document.hpp"

#include "loadgen/load_merge.hpp"
#include "loadgen/validity.hpp"

namespace c1m::loadgen {
namespace {

// Counting the plan again takes some 15 ns an arrival; beyond this many it is left out.
constexpr double recounted_arrivals_max = 2e8;
// Of a life's end some 25 ns.
constexpr double recounted_ends_max = 1e8;

ValidityContext validity_context(const LoadSettings& settings, const RunOutcome& outcome) {
  ValidityContext context;
  context.mode = settings.mode;
  context.pipeline = settings.pipeline;
  context.shards_died = outcome.shards_died;
  context.bounds.send_lag_p99_max_ns = settings.send_lag_p99_max_ns;
  const os::Nanoseconds end_ns =
      settings.warmup_ns + outcome.window.end_ns - outcome.window.start_ns;
  const bool is_countable = settings.schedule.expected_arrivals(end_ns) <= recounted_arrivals_max;
  if (settings.mode == LoadMode::open && outcome.shards_died == 0 && is_countable) {
    context.plan_count = count_arrivals(settings.plan(), settings.warmup_ns, end_ns);
  }
  const double ends = settings.lifetime.ends_per_s(settings.connections) *
                      static_cast<double>(end_ns) / static_cast<double>(os::ns_per_s);
  const bool has_ends = !settings.lifetime.is_endless() && outcome.window_reached;
  if (has_ends && outcome.shards_died == 0 && ends <= recounted_ends_max) {
    context.ends_count =
        count_ends(LifePlan(settings.lifetime, settings.seed), settings.connections, end_ns);
  }
  return context;
}

}  // namespace

measure::LoadDocument judged_document(const LoadSettings& settings,
                                      const std::vector<AddressRange>& sources,
                                      const RunOutcome& outcome) {
  measure::LoadDocument document = merge_outcome(settings, sources, outcome);
  document.checks = check_validity(document, validity_context(settings, outcome));
  for (const Threshold& threshold : settings.thresholds) {
    document.thresholds.push_back(judge(threshold, document));
  }
  return document;
}

}  // namespace c1m::loadgen
