// A calibration has its rate, its floor and its cost, and null where no rate was punctual.
#include "measure/calibration_document.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

using Json = nlohmann::json;

TEST(CalibrationDocument, HasItsFigures) {
  CalibrationDocument document;
  document.echo_cpus = "1";
  document.floor.message_bytes = 64;
  document.floor.round_trip_ns.record(8'000);
  document.search.settings = {{"shards", std::uint64_t{1}}};
  document.search.held_rps = 40'000;
  document.search.confidence = 0.9;
  LoadDocument& run = document.search.held_run.emplace();
  run.window = {.start_ns = 0, .end_ns = os::ns_per_s};
  run.rate_achieved_rps = 1'000;
  run.shards = {{.cpu_ns = 20'000'000, .cpu_utilization = 0.02}};
  run.send_lag_ns.emplace().record(100'000);
  const Json json = Json::parse(write_calibration_document(document));
  EXPECT_EQ(json["kind"], "c1m-calibration");
  EXPECT_EQ(json["echo_cpus"], "1");
  EXPECT_EQ(json["shares_cpus"], false);
  EXPECT_EQ(json["settings"]["shards"], 1);
  EXPECT_NEAR(json["floor"]["p50_us"].get<double>(), 8, 0.01);
  EXPECT_EQ(json["punctual_rps"], 40'000);
  EXPECT_EQ(json["unpunctual_rps"], nullptr);
  EXPECT_EQ(json["at_punctual_rate"]["cpu_us_per_request"], 20);
  EXPECT_NEAR(json["at_punctual_rate"]["send_lag_p99_us"].get<double>(), 100, 0.1);
  document.search.held_run.reset();
  EXPECT_EQ(Json::parse(write_calibration_document(document))["at_punctual_rate"], nullptr);
}

}  // namespace
}  // namespace c1m::measure
