// The document holds every figure under its name, in its unit, and null where nothing was measured.
#include "measure/load_document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "measure/histogram_codec.hpp"

namespace c1m::measure {
namespace {

using Json = nlohmann::json;

LoadDocument open_run() {
  LoadDocument document;
  document.started_utc = "2026-01-31T12:00:00.123Z";
  document.mode = "open";
  document.protocol = "echo";
  document.settings = {{"targets", std::vector<std::string>{"127.0.0.1:7000"}},
                       {"rate_rps", 10.5},
                       {"cpus", std::monostate{}},
                       {"strict", true}};
  document.window = {.start_ns = 5'000'000'000, .end_ns = 7'000'000'000};
  document.connections_planned = 2;
  document.connect.first_ns = 1'000'000'000;
  document.connect.last_ns = 3'000'000'000;
  document.connect.latency_ns.record(50'000, 100);
  document.rate_planned_rps = 10;
  document.rate_achieved_rps = 9;
  document.counts = {.planned = 20, .sent = 19, .unsent = 1, .answered = 18, .lost = 1};
  document.response_ns.emplace().record(2'000'000);
  document.service_ns.record(1'000'000);
  document.send_lag_ns.emplace();
  TimelineRow row;
  row.sent = 5;
  row.answered = 4;
  row.response_p50_us = 12.5;
  document.timeline = {row};
  document.connection_bytes = 36;
  document.shards = {{.index = 0, .pid = 9, .cpu_ns = 36'000'000, .cpu_utilization = 0.018}};
  document.host.steal_fraction = 0.25;
  document.host.unavailable = {{"conntrack_drops", "no such file"}};
  return document;
}

TEST(LoadDocument, HasItsFiguresInTheirUnits) {
  const Json json = Json::parse(write_load_document(open_run()));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["kind"], "c1m-load");
  EXPECT_EQ(json["settings"]["targets"][0], "127.0.0.1:7000");
  EXPECT_EQ(json["settings"]["cpus"], nullptr);
  EXPECT_EQ(json["settings"]["strict"], true);
  EXPECT_EQ(json["window"]["duration_s"], 2.0);
  EXPECT_EQ(json["window"]["start_monotonic_ns"], 5'000'000'000);
  EXPECT_EQ(json["connect"]["duration_s"], 2.0);
  EXPECT_EQ(json["connect"]["rate_per_s"], 50.0);
  EXPECT_EQ(json["rate_rps"]["planned"], 10.0);
  EXPECT_EQ(json["counts"]["unsent"], 1);
  EXPECT_EQ(json["timeline"][0]["response_p50_us"], 12.5);
  EXPECT_EQ(json["timeline"][0]["response_p99_us"], nullptr);
  EXPECT_EQ(json["generator"]["cpu_us"], 36'000.0);
  EXPECT_EQ(json["generator"]["cpu_us_per_request"], 2'000.0);
  EXPECT_EQ(json["host"]["steal_fraction"], 0.25);
  EXPECT_EQ(json["host"]["conntrack_drops"], nullptr);
  EXPECT_EQ(json["host"]["unavailable"]["conntrack_drops"], "no such file");
}

TEST(LoadDocument, PercentilesAreMicrosecondsBesideTheirHistogram) {
  const LoadDocument document = open_run();
  const Json json = Json::parse(write_load_document(document));
  const Json& response = json["latency_us"]["response"];
  EXPECT_EQ(response["count"], 1);
  EXPECT_NEAR(response["p99"].get<double>(), 2'000, 2);
  EXPECT_NEAR(response["mean"].get<double>(), 2'000, 2);
  EXPECT_EQ(response["hdr_unit"], "ns");
  EXPECT_EQ(decode_v2_base64(response["hdr_v2_b64"].get<std::string>()), *document.response_ns);
}

TEST(LoadDocument, AnEmptyHistogramHasNoPercentiles) {
  const Json json = Json::parse(write_load_document(open_run()));
  const Json& send_lag = json["latency_us"]["send_lag"];
  EXPECT_EQ(send_lag["count"], 0);
  for (const char* name : {"min", "mean", "stddev", "p50", "p99", "p9999", "max"}) {
    ASSERT_TRUE(send_lag.contains(name)) << name;
    EXPECT_EQ(send_lag[name], nullptr) << name;
  }
}

TEST(LoadDocument, ClosedLoopHasNullForWhatItCannotKnow) {
  LoadDocument document = open_run();
  document.mode = "closed";
  document.response_ns.reset();
  document.send_lag_ns.reset();
  document.rate_planned_rps.reset();
  document.rate_achieved_rps = 0;
  const Json json = Json::parse(write_load_document(document));
  EXPECT_EQ(json["latency_us"]["response"], nullptr);
  EXPECT_EQ(json["latency_us"]["send_lag"], nullptr);
  EXPECT_EQ(json["rate_rps"]["planned"], nullptr);
  EXPECT_EQ(json["generator"]["cpu_us_per_request"], nullptr);
}

TEST(LoadDocument, PartialAndInvalidStandAtTheTop) {
  LoadDocument document = open_run();
  document.stopped_by = "SIGINT";
  document.checks = {
      {.name = "a", .value = 1, .bound = 2, .unit = "x", .ok = true, .explanation = "e"},
      {.name = "b", .value = 3, .bound = 2, .unit = "x", .ok = false, .explanation = "f"},
      {.name = "c", .value = {}, .bound = {}, .unit = "x", .ok = {}, .explanation = "g"}};
  const Json json = Json::parse(write_load_document(document));
  EXPECT_EQ(json["partial"], true);
  EXPECT_EQ(json["stopped_by"], "SIGINT");
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["invalid_reasons"], Json::array({"b: f"}));
  EXPECT_EQ(json["validity"]["valid"], false);
  EXPECT_EQ(json["validity"]["checks"][1]["ok"], false);
  EXPECT_EQ(json["validity"]["checks"][2]["ok"], nullptr);
  EXPECT_EQ(json["validity"]["checks"][2]["value"], nullptr);
}

TEST(LoadDocument, ThresholdsStandWithTheirFigures) {
  LoadDocument document = open_run();
  EXPECT_TRUE(document.thresholds_kept());
  document.thresholds = {{.text = "p99<5ms",
                          .metric = "p99",
                          .value = 2'000,
                          .comparison = "<",
                          .bound = 5'000,
                          .unit = "us",
                          .ok = true}};
  EXPECT_TRUE(document.thresholds_kept());
  document.thresholds.push_back({.text = "rate>9", .value = {}, .bound = 9, .ok = false});
  EXPECT_FALSE(document.thresholds_kept());
  const Json json = Json::parse(write_load_document(document));
  EXPECT_EQ(json["thresholds"][0]["value"], 2'000);
  EXPECT_EQ(json["thresholds"][0]["comparison"], "<");
  EXPECT_EQ(json["thresholds"][0]["ok"], true);
  EXPECT_EQ(json["thresholds"][1]["value"], nullptr);
}

TEST(LoadDocument, WebSocketHasAPartOfItsOwn) {
  LoadDocument document = open_run();
  EXPECT_EQ(Json::parse(write_load_document(document))["websocket"], nullptr);
  WebSocketResult& websocket = document.websocket.emplace();
  websocket.handshake_ns.record(1'000'000);
  websocket.close_ns.record(2'000'000);
  websocket.closes_sent = 3;
  websocket.closes_answered = 2;
  websocket.pings_received = 4;
  const Json json = Json::parse(write_load_document(document))["websocket"];
  EXPECT_NEAR(json["handshake_us"]["p50"].get<double>(), 1'000, 1);
  EXPECT_NEAR(json["close_us"]["max"].get<double>(), 2'000, 2);
  EXPECT_EQ(json["ping_rtt_us"]["p50"], nullptr) << "no ping was sent";
  EXPECT_EQ(json["closes_sent"], 3);
  EXPECT_EQ(json["closes_answered"], 2);
  EXPECT_EQ(json["pings_received"], 4);
  EXPECT_EQ(json["deflate_agreed"], 0);
}

TEST(LoadDocument, ShowsEveryIntervalOfConnectingFromTheFirstOn) {
  LoadDocument document = open_run();
  EXPECT_TRUE(Json::parse(write_load_document(document))["connect"]["timeline"].empty());
  document.connect_timeline = {{70, {.attempted = 5, .established = 4}},
                               {72, {.established = 0, .failed = 1}}};
  document.host.syn_retransmits = 3;
  const Json json = Json::parse(write_load_document(document));
  const Json& timeline = json["connect"]["timeline"];
  ASSERT_EQ(timeline.size(), 3U);
  EXPECT_EQ(timeline[0], (Json{{"t_s", 0.0}, {"attempted", 5}, {"established", 4}, {"failed", 0}}));
  EXPECT_EQ(timeline[1]["t_s"], 0.1);
  EXPECT_EQ(timeline[1]["attempted"], 0);
  EXPECT_EQ(timeline[2]["failed"], 1);
  EXPECT_EQ(json["host"]["syn_retransmits"], 3);
}

TEST(LoadDocument, AWallIsWhereARampWasRefused) {
  LoadDocument document = open_run();
  EXPECT_EQ(Json::parse(write_load_document(document))["wall"], nullptr);
  document.until_refused = true;
  EXPECT_EQ(Json::parse(write_load_document(document))["wall"]["refused"], nullptr);
  document.connections_established = 7;
  document.connections_planned = 9;
  document.connect.first_ns = os::ns_per_s;
  document.connect.first_refusal = {
      .at_ns = 3 * os::ns_per_s, .call = "connect", .reason = "EADDRNOTAVAIL"};
  EXPECT_EQ(Json::parse(write_load_document(document))["wall"],
            (Json{{"established", 7},
                  {"limit", 9},
                  {"refused", {{"call", "connect"}, {"reason", "EADDRNOTAVAIL"}, {"t_s", 2.0}}}}));
}

TEST(LoadDocument, LivesHaveAPartOfTheirOwn) {
  LoadDocument document = open_run();
  EXPECT_EQ(Json::parse(write_load_document(document))["churn"], nullptr);
  ChurnResult& churn = document.churn.emplace();
  churn.ends_planned = 4;
  churn.closed = 3;
  churn.close_ns.record(1'000'000);
  churn.away_ns.record(2'000'000);
  churn.close_errors = {{"ECONNRESET", 1}};
  document.queued_mean = 0.25;
  const Json json = Json::parse(write_load_document(document));
  EXPECT_EQ(json["churn"]["ends_planned"], 4);
  EXPECT_EQ(json["churn"]["closed"], 3);
  EXPECT_NEAR(json["churn"]["close_us"]["p50"].get<double>(), 1'000, 1);
  EXPECT_NEAR(json["churn"]["away_us"]["max"].get<double>(), 2'000, 2);
  EXPECT_EQ(json["churn"]["connect_us"]["p50"], nullptr) << "none was opened anew";
  EXPECT_EQ(json["churn"]["close_errors"]["ECONNRESET"], 1);
  EXPECT_EQ(json["queued_mean"], 0.25);
}

// Two shards that ended three lives each, and what is wrong when one count is.
TEST(ChurnResult, AddsUpOverShards) {
  ChurnResult part{.ends_planned = 7,
                   .ends_skipped = 1,
                   .closed = 2,
                   .closes_failed = 1,
                   .resets = 2,
                   .unclosed = 1,
                   .reopened = 3,
                   .reopens_failed = 1,
                   .unopened = 1,
                   .close_errors = {{"ETIMEDOUT", 1}}};
  part.close_ns.record(7);
  EXPECT_EQ(part.imbalance(), 0U);
  ChurnResult sum = part;
  sum += part;
  EXPECT_EQ(sum.imbalance(), 0U);
  EXPECT_EQ(sum.ends_planned, 14U);
  EXPECT_EQ(sum.resets, 4U);
  EXPECT_EQ(sum.close_ns.count(), 2U);
  EXPECT_EQ(sum.close_errors["ETIMEDOUT"], 2U);
  for (const auto& [name, value] : churn_counters) {
    ChurnResult tampered = part;
    ++(tampered.*value);
    EXPECT_GE(tampered.imbalance(), 1U) << name;
  }
}

TEST(LoadDocument, ClientsBesideTheLoadHaveAPartOfTheirOwn) {
  LoadDocument document = open_run();
  EXPECT_EQ(Json::parse(write_load_document(document))["unkind"], nullptr);
  UnkindResult& slow = document.slow.emplace();
  slow.asked = 5;
  slow.bytes_sent = 6;
  slow.standing_client_s = 9;
  slow.ended_after_ns.record(2'000'000);
  slow.end_errors = {{"closed by peer", 1}};
  const Json json = Json::parse(write_load_document(document))["unkind"];
  EXPECT_EQ(json["half_open"], nullptr);
  EXPECT_EQ(json["slow"]["asked"], 5);
  EXPECT_EQ(json["slow"]["bytes_sent"], 6);
  EXPECT_EQ(json["slow"]["standing_mean"], 4.5) << "over the two seconds of the window";
  EXPECT_NEAR(json["slow"]["ended_after_us"]["max"].get<double>(), 2'000, 2);
  EXPECT_EQ(json["slow"]["end_errors"]["closed by peer"], 1);
}

TEST(UnkindResult, AddsUpOverShards) {
  UnkindResult part{.asked = 3,
                    .opened = 4,
                    .ended = 2,
                    .standing_at_end = 2,
                    .standing_client_s = 1.5,
                    .end_errors = {{"ECONNRESET", 2}}};
  part.ended_after_ns.record(7, 2);
  EXPECT_EQ(part.imbalance(), 0U);
  UnkindResult sum = part;
  sum += part;
  EXPECT_EQ(sum.imbalance(), 0U);
  EXPECT_EQ(sum.asked, 6U);
  EXPECT_EQ(sum.standing_client_s, 3);
  EXPECT_EQ(sum.ended_after_ns.count(), 4U);
  EXPECT_EQ(sum.end_errors["ECONNRESET"], 4U);
  ++sum.standing_at_end;
  EXPECT_EQ(sum.imbalance(), 1U);
}

TEST(LoadDocument, TheFloorStandsWithTheGenerator) {
  LoadDocument document = open_run();
  EXPECT_EQ(Json::parse(write_load_document(document))["generator"]["floor"], nullptr);
  document.floor.emplace().message_bytes = 64;
  document.floor->round_trip_ns.record(8'000, 3);
  const Json floor = Json::parse(write_load_document(document))["generator"]["floor"];
  EXPECT_EQ(floor["message_bytes"], 64);
  EXPECT_EQ(floor["round_trip_us"]["count"], 3);
  EXPECT_NEAR(floor["round_trip_us"]["p50"].get<double>(), 8, 0.01);
}

TEST(LoadDocument, ACheckThatCouldNotBeMadeFailsNothing) {
  LoadDocument document = open_run();
  document.checks = {
      {.name = "c", .value = {}, .bound = {}, .unit = "x", .ok = {}, .explanation = "g"}};
  EXPECT_TRUE(document.valid());
  EXPECT_THAT(document.invalid_reasons(), testing::IsEmpty());
}

TEST(RequestCounts, AddFieldByField) {
  RequestCounts sum{1, 2, 3, 4, 5, 6, 7, 8, 9};
  sum += {10, 20, 30, 40, 50, 60, 70, 80, 90};
  EXPECT_EQ(sum, (RequestCounts{11, 22, 33, 44, 55, 66, 77, 88, 99}));
}

}  // namespace
}  // namespace c1m::measure
