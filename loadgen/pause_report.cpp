// Putting it together; see pause_report.hpp.
#include "loadgen/pause_report.hpp"

#include <cstddef>
#include <utility>

#include "measure/silence.hpp"

namespace c1m::loadgen {
namespace {

// Only then is the longest silence of a Poisson stream something to compare with.
bool has_constant_rate(const LoadSettings& settings) {
  return settings.mode == LoadMode::open && settings.schedule.process != ArrivalProcess::trace &&
         settings.schedule.rate_text == "constant";
}

void add_silences(const LoadSettings& settings, const RunOutcome& outcome,
                  measure::PausesDocument& document) {
  std::vector<measure::ShardSilence> seen;
  for (const measure::LoadShardResult& result : outcome.results) {
    if (result.silence) seen.push_back(*result.silence);
  }
  const os::Nanoseconds window_ns = outcome.window.end_ns - outcome.window.start_ns;
  if (seen.empty() || window_ns <= 0) return;
  const measure::ServiceSilence service = measure::merge(seen);
  const auto add = [&](const measure::StreamSilence& stream, std::optional<std::string> target) {
    auto meter =
        measure::meter_of_silence(stream, window_ns, has_constant_rate(settings), service.floor_ns);
    meter.target = std::move(target);
    document.meters.push_back(std::move(meter));
  };
  add(service.whole, std::nullopt);
  for (std::size_t target = 0; target < service.targets.size(); ++target) {
    add(service.targets[target], settings.target_names[target]);
  }
}

}  // namespace

measure::PausesDocument pauses_document(const LoadSettings& settings, const RunOutcome& outcome) {
  measure::PausesDocument document{.side = "generator",
                                   .program = "c1m-load",
                                   .backend = std::nullopt,
                                   .started_utc = outcome.started_utc,
                                   .begin_ns = outcome.pauses.begin_ns,
                                   .end_ns = outcome.pauses.end_ns,
                                   .tick_ns = settings.pauses.tick_ns,
                                   .meters = outcome.pauses.meters};
  add_silences(settings, outcome, document);
  return document;
}

}  // namespace c1m::loadgen
