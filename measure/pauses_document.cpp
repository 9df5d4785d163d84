// JSON of --pauses; see pauses_document.hpp.
#include "measure/pauses_document.hpp"

#include <algorithm>

#include "measure/document_json.hpp"

namespace c1m::measure {
namespace {

using Json = OrderedJson;

Json json_of_stall(const Stall& stall) {
  Json json = {
      {"begin_ns", stall.begin_ns}, {"end_ns", stall.end_ns}, {"amount_ns", stall.amount_ns}};
  const auto put = [&](const char* name, auto value) {
    json[name] = stall.has_usage ? Json(value) : Json(nullptr);
  };
  put("cpu_ns", stall.usage.cpu_ns);
  put("run_queue_delay_ns", stall.usage.run_queue_delay_ns);
  put("page_faults_minor", stall.usage.page_faults_minor);
  put("page_faults_major", stall.usage.page_faults_major);
  return json;
}

Json json_of_meter(const PauseMeter& meter) {
  Json histograms = Json::object();
  for (const auto& [name, histogram] : meter.histograms)
    histograms[name] = percentile_block(histogram);
  for (const auto& [name, reason] : meter.unavailable) histograms[name] = nullptr;
  Json stalls = Json::array();
  for (const Stall& stall : meter.stalls) stalls.push_back(json_of_stall(stall));
  return {{"kind", meter.kind},
          {"shard", json_of(meter.shard)},
          {"worker", json_of(meter.worker)},
          {"cpu", json_of(meter.cpu)},
          {"target", json_of(meter.target)},
          {"answers", json_of(meter.answers)},
          {"expected_longest_us", json_of(meter.expected_longest_ns.transform(to_us))},
          {"histograms", std::move(histograms)},
          {"unavailable", meter.unavailable},
          {"stalls_total", meter.stalls_total},
          {"stalls", std::move(stalls)}};
}

}  // namespace

std::string to_json(const PausesDocument& document) {
  Json json;
  put_identity(json, "c1m-pauses", document.started_utc);
  json["side"] = document.side;
  json["program"] = document.program;
  json["backend"] = json_of(document.backend);
  json["begin_monotonic_ns"] = document.begin_ns;
  json["end_monotonic_ns"] = document.end_ns;
  json["tick_us"] = to_us(static_cast<double>(document.tick_ns));
  Json meters = Json::array();
  for (const PauseMeter& meter : document.meters) meters.push_back(json_of_meter(meter));
  json["meters"] = std::move(meters);
  return json.dump(1) + "\n";
}

PauseMeter meter_of(const char* kind, const StallLog& stalls) {
  PauseMeter meter;
  meter.kind = kind;
  meter.stalls = stalls.kept();
  meter.stalls_total = stalls.total();
  return meter;
}

PauseMeter meter_of_loop(const LoopPauses& pauses) {
  PauseMeter meter = meter_of("loop", pauses.stalls);
  meter.histograms["delay_us"] = histogram_of(pauses.delay_ns);
  meter.histograms["turn_us"] = histogram_of(pauses.turn_ns);
  return meter;
}

PauseMeter meter_of_silence(const StreamSilence& stream, os::Nanoseconds window_ns, bool is_poisson,
                            os::Nanoseconds least_ns) {
  PauseMeter meter;
  meter.kind = "silence";
  meter.answers = stream.answers;
  Histogram lengths;
  const auto expected =
      is_poisson ? expected_silence(stream.answers, window_ns) : std::optional<ExpectedSilence>();
  if (expected) {
    meter.expected_longest_ns = expected->longest_ns;
    least_ns = std::max(least_ns, static_cast<os::Nanoseconds>(expected->unexpected_ns));
  }
  if (stream.answers < 2) {
    meter.unavailable["silence_us"] = "fewer than two answers came in the window";
    return meter;
  }
  StallLog stalls;
  for (const Silence& silence : stream.silences) {
    lengths.record(silence.length_ns());
    if (silence.length_ns() < least_ns) continue;
    stalls.add({.begin_ns = silence.begin_ns,
                .end_ns = silence.end_ns,
                .amount_ns = silence.length_ns(),
                .has_usage = false,
                .usage = {}});
  }
  meter.stalls = stalls.kept();
  meter.stalls_total = stalls.total();
  meter.histograms["silence_us"] = std::move(lengths);
  return meter;
}

Histogram histogram_of(const LiveHistogram& live) {
  LiveCounts counts;
  live.add_to(counts);
  Histogram histogram;
  for (std::size_t index = 0; index < LiveBuckets::count; ++index) {
    if (counts.counts[index] > 0)
      histogram.record(LiveBuckets::bound_ns(index), counts.counts[index]);
  }
  return histogram;
}

}  // namespace c1m::measure
