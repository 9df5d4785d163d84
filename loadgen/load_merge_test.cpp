// Merged figures are what one generator without shards would have counted.
#include "loadgen/load_merge.hpp"

#include <gtest/gtest.h>

#include "loadgen/connection.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "measure/histogram_codec.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds s = os::ns_per_s;

measure::Histogram histogram_of(std::initializer_list<std::int64_t> values) {
  measure::Histogram histogram;
  for (const std::int64_t value : values) histogram.record(value);
  return histogram;
}

measure::TimelineSecond second_of(std::uint64_t count, std::int64_t latency_ns) {
  measure::Histogram latency;
  latency.record(latency_ns, count);
  return {.sent = count,
          .answered = count,
          .in_flight = 1,
          .established = 10,
          .latency_hdr_v2_b64 = measure::encode_v2_base64(latency)};
}

measure::LoadShardResult shard_result(std::uint32_t index, std::int64_t latency_ns) {
  measure::LoadShardResult result;
  result.index = index;
  result.pid = 100 + static_cast<int>(index);
  result.connections_planned = 10;
  result.connections_established = 10;
  result.connections_at_end = 9;
  result.connect.first_ns = 5 * s + index;
  result.connect.last_ns = 6 * s + index;
  result.connect.latency_ns = histogram_of({100});
  result.connection_errors = {{"ECONNRESET", 1}};
  result.counts = {.planned = 8, .sent = 7, .unsent = 1, .answered = 6, .lost = 1, .late = 2};
  result.warmup_counts = {.planned = 3, .sent = 3, .answered = 3};
  result.sent_in_window = 7;
  result.answers_in_window = 6;
  result.in_flight_request_s = 1.5;
  result.response_ns = histogram_of({latency_ns, latency_ns});
  result.service_ns = histogram_of({latency_ns});
  result.send_lag_ns = histogram_of({10});
  result.timeline = {second_of(5, latency_ns)};
  result.cpu_ns = (index + 1) * s / 2;
  result.rss_bytes = 1'000;
  result.request_pool_bytes = 24'576;
  return result;
}

LoadSettings settings_of(LoadMode mode) {
  LoadSettings settings;
  settings.mode = mode;
  settings.connections = 20;
  settings.schedule.rate = {.then_per_s = 8};
  settings.target_names = {"127.0.0.1:7000"};
  return settings;
}

RunOutcome outcome_of_two() {
  RunOutcome outcome;
  outcome.window = {.start_ns = 10 * s, .end_ns = 12 * s};
  outcome.results = {shard_result(0, 1'000), shard_result(1, 9'000)};
  outcome.results[1].timeline.push_back(second_of(1, 50'000));
  outcome.shards = {{0, 100}, {1, 101}};
  return outcome;
}

TEST(MergeOutcome, AddsCountsAndBuckets) {
  const auto document = merge_outcome(settings_of(LoadMode::open), {}, outcome_of_two());
  EXPECT_EQ(document.mode, "open");
  EXPECT_EQ(document.connections_planned, 20U);
  EXPECT_EQ(document.connections_established, 20U);
  EXPECT_EQ(document.connections_at_end, 18U);
  EXPECT_EQ(document.counts,
            (measure::RequestCounts{
                .planned = 16, .sent = 14, .unsent = 2, .answered = 12, .lost = 2, .late = 4}));
  EXPECT_EQ(document.warmup_counts.answered, 6U);
  EXPECT_EQ(*document.response_ns, histogram_of({1'000, 1'000, 9'000, 9'000}));
  EXPECT_EQ(document.service_ns, histogram_of({1'000, 9'000}));
  EXPECT_EQ(document.send_lag_ns->count(), 2U);
  EXPECT_EQ(document.connection_errors, (measure::ErrorCounts{{"ECONNRESET", 2}}));
  EXPECT_EQ(document.connect.first_ns, 5 * s);
  EXPECT_EQ(document.connect.last_ns, 6 * s + 1);
  EXPECT_EQ(document.connect.latency_ns.count(), 2U);
  EXPECT_EQ(document.request_pool_bytes, 49'152U);
  EXPECT_EQ(document.connection_bytes, sizeof(Connection));
}

TEST(MergeOutcome, TakesRatesOverTheWindow) {
  const auto document = merge_outcome(settings_of(LoadMode::open), {}, outcome_of_two());
  EXPECT_DOUBLE_EQ(document.rate_planned_rps.value(), 8.0);
  EXPECT_DOUBLE_EQ(document.rate_sent_rps, 7.0);
  EXPECT_DOUBLE_EQ(document.rate_achieved_rps, 6.0);
  EXPECT_DOUBLE_EQ(document.in_flight_mean, 1.5);
  EXPECT_EQ(document.cpu_ns(), 3 * s / 2);
  EXPECT_DOUBLE_EQ(document.cpu_utilization_max(), 0.5);
  EXPECT_DOUBLE_EQ(document.cpu_us_per_request().value(), 1.5e6 / 12);
}

TEST(MergeOutcome, ClosedLoopHasNoPlanAndNoResponse) {
  const auto document = merge_outcome(settings_of(LoadMode::closed), {}, outcome_of_two());
  EXPECT_EQ(document.rate_planned_rps, std::nullopt);
  EXPECT_EQ(document.response_ns, std::nullopt);
  EXPECT_EQ(document.send_lag_ns, std::nullopt);
  EXPECT_EQ(document.timeline[0].response_p50_us, std::nullopt);
  EXPECT_EQ(document.service_ns.count(), 2U);
}

TEST(MergeOutcome, LaysSecondsOverEachOther) {
  const auto document = merge_outcome(settings_of(LoadMode::open), {}, outcome_of_two());
  ASSERT_EQ(document.timeline.size(), 2U);
  EXPECT_EQ(document.timeline[0].sent, 10U);
  EXPECT_EQ(document.timeline[0].established, 20U);
  EXPECT_EQ(document.timeline[0].in_flight, 2U);
  EXPECT_NEAR(document.timeline[0].response_p50_us.value(), 1.0, 0.01);
  EXPECT_NEAR(document.timeline[0].response_p99_us.value(), 9.0, 0.01);
  EXPECT_EQ(document.timeline[1].t_s, 1U);
  EXPECT_EQ(document.timeline[1].sent, 1U);
  EXPECT_NEAR(document.timeline[1].response_max_us.value(), 50.0, 0.05);
}

TEST(MergeOutcome, AddsWhatWebSocketMeasured) {
  RunOutcome outcome = outcome_of_two();
  for (measure::LoadShardResult& result : outcome.results) {
    result.websocket = measure::WebSocketResult{.handshake_ns = histogram_of({100, 200}),
                                                .ping_rtt_ns = histogram_of({300}),
                                                .close_ns = histogram_of({400}),
                                                .pings_sent = 1,
                                                .pongs_received = 2,
                                                .pongs_unasked = 3,
                                                .pings_skipped = 4,
                                                .pings_received = 5,
                                                .closes_sent = 6,
                                                .closes_answered = 7,
                                                .closes_answered_otherwise = 8,
                                                .closes_received = 9,
                                                .protocol_errors = 10,
                                                .deflate_agreed = 11,
                                                .deflate_declined = 12,
                                                .compressed_sent = 13,
                                                .compressed_sent_bytes = 14,
                                                .compressed_sent_message_bytes = 15,
                                                .compressed_received = 16,
                                                .compressed_received_bytes = 17,
                                                .compressed_received_message_bytes = 18};
  }
  LoadSettings settings = settings_of(LoadMode::open);
  EXPECT_EQ(merge_outcome(settings, {}, outcome).websocket, std::nullopt);
  settings.protocol = Protocol::ws;
  const auto document = merge_outcome(settings, {}, outcome);
  EXPECT_EQ(document.protocol, "ws");
  EXPECT_EQ(document.connection_bytes, sizeof(Connection) + sizeof(WebSocketState));
  const measure::WebSocketResult expected{.handshake_ns = histogram_of({100, 200, 100, 200}),
                                          .ping_rtt_ns = histogram_of({300, 300}),
                                          .close_ns = histogram_of({400, 400}),
                                          .pings_sent = 2,
                                          .pongs_received = 4,
                                          .pongs_unasked = 6,
                                          .pings_skipped = 8,
                                          .pings_received = 10,
                                          .closes_sent = 12,
                                          .closes_answered = 14,
                                          .closes_answered_otherwise = 16,
                                          .closes_received = 18,
                                          .protocol_errors = 20,
                                          .deflate_agreed = 22,
                                          .deflate_declined = 24,
                                          .compressed_sent = 26,
                                          .compressed_sent_bytes = 28,
                                          .compressed_sent_message_bytes = 30,
                                          .compressed_received = 32,
                                          .compressed_received_bytes = 34,
                                          .compressed_received_message_bytes = 36};
  EXPECT_EQ(document.websocket, expected);
}

TEST(MergeOutcome, NamesADeadShard) {
  RunOutcome outcome = outcome_of_two();
  outcome.results.pop_back();
  const auto document = merge_outcome(settings_of(LoadMode::open), {}, outcome);
  ASSERT_EQ(document.shards.size(), 2U);
  EXPECT_TRUE(document.shards[0].completed);
  EXPECT_FALSE(document.shards[1].completed);
  EXPECT_EQ(document.shards[1].pid, 101);
}

TEST(MergeOutcome, ARunWithoutAWindowHasNoRates) {
  RunOutcome outcome = outcome_of_two();
  outcome.window = {};
  const auto document = merge_outcome(settings_of(LoadMode::open), {}, outcome);
  EXPECT_EQ(document.rate_achieved_rps, 0);
  EXPECT_EQ(document.rate_planned_rps, std::nullopt);
  EXPECT_EQ(document.cpu_us_per_request(), std::nullopt);
}

TEST(MergeOutcome, AddsTheClientsBesideTheLoad) {
  LoadSettings settings = settings_of(LoadMode::open);
  EXPECT_EQ(merge_outcome(settings, {}, outcome_of_two()).slow, std::nullopt);
  settings.unkind = {.half_open = 0, .slow = 5};
  RunOutcome outcome = outcome_of_two();
  outcome.results[0].slow = measure::UnkindResult{.asked = 3, .standing_client_s = 6};
  outcome.results[1].slow = measure::UnkindResult{.asked = 2, .standing_client_s = 4};
  const auto document = merge_outcome(settings, {}, outcome);
  ASSERT_TRUE(document.slow);
  EXPECT_EQ(document.slow->asked, 5U);
  EXPECT_EQ(document.slow->standing_client_s, 10);
  EXPECT_EQ(document.half_open, std::nullopt);
}

measure::KernelCounters counters_of(std::uint64_t value) {
  return {.listen_overflows = value,
          .listen_drops = value,
          .syn_cookies_sent = value,
          .syn_queue_drops = value,
          .syn_retransmits = value,
          .tcp_retransmits = value,
          .softnet_drops = value,
          .conntrack_drops = std::nullopt,
          .machine_ticks = measure::MachineTicks{.total = 100 * value, .steal = value},
          .throttled_us = value,
          .realtime_offset_ns = static_cast<os::Nanoseconds>(value) * 1'000,
          .unavailable = {{"conntrack_drops", "no such file"}}};
}

TEST(HostDeltas, ListenQueuesCountFromTheFirstConnectTheRestInTheWindow) {
  const HostSamples samples{.run_start = counters_of(10),
                            .connected = counters_of(25),
                            .window_start = counters_of(30),
                            .window_end = counters_of(70)};
  const auto deltas = host_deltas(samples, true);
  EXPECT_EQ(deltas.listen_overflows, 60U);
  EXPECT_EQ(deltas.syn_cookies_sent, 60U);
  EXPECT_EQ(deltas.syn_queue_drops, 60U);
  EXPECT_EQ(deltas.syn_retransmits, 15U) << "while connecting";
  EXPECT_EQ(deltas.tcp_retransmits, 40U);
  EXPECT_EQ(deltas.softnet_drops, 40U);
  EXPECT_EQ(deltas.throttled_us, 40U);
  EXPECT_DOUBLE_EQ(deltas.steal_fraction.value(), 0.01);
  EXPECT_DOUBLE_EQ(deltas.realtime_step_us.value(), 40.0);
  EXPECT_EQ(deltas.conntrack_drops, std::nullopt);
  EXPECT_EQ(deltas.unavailable.at("conntrack_drops"), "no such file");
  EXPECT_EQ(deltas.unavailable.size(), 1U);
}

TEST(HostDeltas, WithoutAWindowOnlyTheConnectingIsKnownAndTheRestSaysSo) {
  const auto deltas = host_deltas({.run_start = counters_of(1),
                                   .connected = counters_of(6),
                                   .window_start = {},
                                   .window_end = {}},
                                  false);
  EXPECT_EQ(deltas.syn_retransmits, 5U);
  EXPECT_EQ(deltas.listen_overflows, std::nullopt);
  EXPECT_EQ(deltas.unavailable.at("steal_fraction"), "the run ended before its window");
  EXPECT_EQ(deltas.unavailable.size(), 10U);
}

}  // namespace
}  // namespace c1m::loadgen
