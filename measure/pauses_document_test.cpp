// The JSON says what the meters say: units, places, and why something is missing.
#include "measure/pauses_document.hpp"

#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

TEST(PausesDocument, HasEachMeterWithItsStalls) {
  const auto pauses = std::make_unique<LoopPauses>();
  pauses->turn_ns.record(5 * os::ns_per_us);
  pauses->stalls.add({.begin_ns = 1000,
                      .end_ns = 4000,
                      .amount_ns = 3000,
                      .has_usage = true,
                      .usage = {.cpu_ns = 7,
                                .run_queue_delay_ns = 2900,
                                .page_faults_minor = 1,
                                .page_faults_major = 0}});
  PausesDocument document;
  document.side = "server";
  document.program = "c1m-uv";
  document.backend = "uv";
  document.tick_ns = os::ns_per_ms;
  document.meters.push_back(meter_of_loop(*pauses));
  document.meters.back().shard = 3;
  document.meters.back().unavailable["run_us"] = "why";
  const auto json = nlohmann::json::parse(to_json(document));
  EXPECT_EQ(json.at("kind"), "c1m-pauses");
  EXPECT_EQ(json.at("tick_us"), 1000.0);
  const auto& meter = json.at("meters").at(0);
  EXPECT_EQ(meter.at("kind"), "loop");
  EXPECT_EQ(meter.at("shard"), 3);
  EXPECT_TRUE(meter.at("worker").is_null());
  EXPECT_TRUE(meter.at("histograms").at("run_us").is_null());
  EXPECT_EQ(meter.at("unavailable").at("run_us"), "why");
  EXPECT_EQ(meter.at("histograms").at("turn_us").at("count"), 1);
  const auto& stall = meter.at("stalls").at(0);
  EXPECT_EQ(stall.at("begin_ns"), 1000);
  EXPECT_EQ(stall.at("run_queue_delay_ns"), 2900);
}

TEST(MeterOfSilence, ReportsWhatAPoissonStreamDoesNotExplain) {
  StreamSilence stream{.answers = 10'000, .silences = {}};
  // 10,000 answers in 10 s: 9.2 ms are to be expected, 13.8 ms are too long.
  stream.silences = {{.begin_ns = 0, .end_ns = 10 * os::ns_per_ms},
                     {.begin_ns = os::ns_per_s, .end_ns = os::ns_per_s + 300 * os::ns_per_ms}};
  const auto meter = meter_of_silence(stream, 10 * os::ns_per_s, true, os::ns_per_ms);
  ASSERT_TRUE(meter.expected_longest_ns);
  EXPECT_NEAR(*meter.expected_longest_ns, 9.21e6, 1e4);
  ASSERT_EQ(meter.stalls.size(), 1U);
  EXPECT_EQ(meter.stalls[0].amount_ns, 300 * os::ns_per_ms);
  EXPECT_EQ(meter.histograms.at("silence_us").count(), 2U);

  const auto bursts = meter_of_silence(stream, 10 * os::ns_per_s, false, os::ns_per_ms);
  EXPECT_FALSE(bursts.expected_longest_ns);
  EXPECT_EQ(bursts.stalls.size(), 2U) << "nothing to compare with, so all are shown";
}

TEST(MeterOfSilence, OfNoAnswersSaysSo) {
  StreamSilence stream{.answers = 0, .silences = {{.begin_ns = 0, .end_ns = os::ns_per_s}}};
  const auto meter = meter_of_silence(stream, os::ns_per_s, true, os::ns_per_ms);
  EXPECT_TRUE(meter.stalls.empty());
  EXPECT_TRUE(meter.unavailable.contains("silence_us"));
}

TEST(HistogramOf, CoarseBucketsStandAtTheirUpperEnd) {
  const auto live = std::make_unique<LiveHistogram>();
  live->record(1'000'000, 5);
  const Histogram histogram = histogram_of(*live);
  EXPECT_EQ(histogram.count(), 5U);
  EXPECT_GE(histogram.max(), 1'000'000);
  EXPECT_LE(histogram.max(), 1'064'000);
}

}  // namespace
}  // namespace c1m::measure
