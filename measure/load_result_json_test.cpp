// A shard's result survives the way to the supervisor whole, or is refused with a reason.
#include "measure/load_result_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/histogram_codec.hpp"

namespace c1m::measure {
namespace {

Histogram histogram_of(std::initializer_list<std::int64_t> values) {
  Histogram histogram;
  for (const std::int64_t value : values) histogram.record(value);
  return histogram;
}

WebSocketResult full_websocket() {
  return {.handshake_ns = histogram_of({37}),
          .ping_rtt_ns = histogram_of({38}),
          .close_ns = histogram_of({39}),
          .pings_sent = 40,
          .pongs_received = 41,
          .pongs_unasked = 42,
          .pings_skipped = 43,
          .pings_received = 44,
          .closes_sent = 45,
          .closes_answered = 46,
          .closes_answered_otherwise = 47,
          .closes_received = 48,
          .protocol_errors = 49,
          .deflate_agreed = 50,
          .deflate_declined = 51,
          .compressed_sent = 52,
          .compressed_sent_bytes = 53,
          .compressed_sent_message_bytes = 54,
          .compressed_received = 55,
          .compressed_received_bytes = 56,
          .compressed_received_message_bytes = 57};
}

ChurnResult full_churn() {
  return {.ends_planned = 59,
          .ends_skipped = 60,
          .closed = 61,
          .closes_failed = 62,
          .resets = 73,
          .unclosed = 63,
          .reopened = 64,
          .reopens_failed = 65,
          .unopened = 66,
          .close_ns = histogram_of({67}),
          .connect_ns = histogram_of({68}),
          .away_ns = histogram_of({69}),
          .close_errors = {{"ETIMEDOUT", 70}},
          .connect_errors = {{"ECONNREFUSED", 71}}};
}

UnkindResult unkind_from(std::uint64_t first) {
  UnkindResult clients{.standing_client_s = static_cast<double>(first) + 0.5,
                       .ended_after_ns = histogram_of({static_cast<std::int64_t>(first)}),
                       .end_errors = {{"ECONNRESET", first}},
                       .connect_errors = {{"ECONNREFUSED", first + 1}}};
  for (const auto& [name, value] : unkind_counters) clients.*value = ++first;
  return clients;
}

// Every field has a value of its own, so that a swap of two fields shows.
LoadShardResult full_result() {
  LoadShardResult result;
  result.index = 1;
  result.pid = 2;
  result.connections_planned = 3;
  result.connections_established = 4;
  result.connections_at_end = 5;
  result.connect = {.failed = 6,
                    .first_ns = 7,
                    .last_ns = 8,
                    .latency_ns = histogram_of({9}),
                    .errors = {{"ECONNREFUSED", 10}},
                    .first_refusal = Refusal{.at_ns = 87, .call = "connect", .reason = "R"}};
  result.connect_timeline = {{84, {.attempted = 85, .established = 86, .failed = 88}}};
  result.connection_errors = {{"ECONNRESET", 11}, {"closed by peer", 12}};
  result.unexpected_bytes = 13;
  result.counts = {.planned = 14,
                   .sent = 15,
                   .unsent = 16,
                   .answered = 17,
                   .lost = 18,
                   .in_flight_at_end = 19,
                   .corrupt = 20,
                   .late = 21};
  result.warmup_counts = {.planned = 22};
  result.sent_in_window = 23;
  result.answers_in_window = 24;
  result.in_flight_request_s = 25.5;
  result.response_ns = histogram_of({26});
  result.service_ns = histogram_of({27});
  result.send_lag_ns = histogram_of({28});
  result.timeline = {{.sent = 29,
                      .answered = 30,
                      .in_flight = 31,
                      .established = 32,
                      .latency_hdr_v2_b64 = encode_v2_base64(histogram_of({33}))}};
  result.cpu_ns = 34;
  result.rss_bytes = 35;
  result.request_pool_bytes = 36;
  result.silence =
      ShardSilence{.floor_ns = 80,
                   .targets = {{.answers = 81, .silences = {{.begin_ns = 82, .end_ns = 83}}}, {}}};
  result.websocket = full_websocket();
  result.queued_request_s = 58.5;
  result.churn = full_churn();
  result.half_open = unkind_from(100);
  result.slow = unkind_from(200);
  return result;
}

TEST(LoadShardResultJson, ComesBackAsItWas) {
  const LoadShardResult written = full_result();
  const auto read = read_load_shard_result(write_load_shard_result(written));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->index, written.index);
  EXPECT_EQ(read->pid, written.pid);
  EXPECT_EQ(read->connections_planned, written.connections_planned);
  EXPECT_EQ(read->connections_established, written.connections_established);
  EXPECT_EQ(read->connections_at_end, written.connections_at_end);
  EXPECT_EQ(read->connect.failed, written.connect.failed);
  EXPECT_EQ(read->connect.first_ns, written.connect.first_ns);
  EXPECT_EQ(read->connect.last_ns, written.connect.last_ns);
  EXPECT_EQ(read->connect.latency_ns, written.connect.latency_ns);
  EXPECT_EQ(read->connect.errors, written.connect.errors);
  EXPECT_EQ(read->connect.first_refusal, written.connect.first_refusal);
  EXPECT_EQ(read->connect_timeline, written.connect_timeline);
  EXPECT_EQ(read->connection_errors, written.connection_errors);
  EXPECT_EQ(read->unexpected_bytes, written.unexpected_bytes);
  EXPECT_EQ(read->counts, written.counts);
  EXPECT_EQ(read->warmup_counts, written.warmup_counts);
  EXPECT_EQ(read->sent_in_window, written.sent_in_window);
  EXPECT_EQ(read->answers_in_window, written.answers_in_window);
  EXPECT_EQ(read->in_flight_request_s, written.in_flight_request_s);
  EXPECT_EQ(read->response_ns, written.response_ns);
  EXPECT_EQ(read->service_ns, written.service_ns);
  EXPECT_EQ(read->send_lag_ns, written.send_lag_ns);
  EXPECT_EQ(read->timeline, written.timeline);
  EXPECT_EQ(read->cpu_ns, written.cpu_ns);
  EXPECT_EQ(read->rss_bytes, written.rss_bytes);
  EXPECT_EQ(read->request_pool_bytes, written.request_pool_bytes);
  EXPECT_EQ(read->silence, written.silence);
  EXPECT_EQ(read->websocket, written.websocket);
  EXPECT_EQ(read->queued_request_s, written.queued_request_s);
  EXPECT_EQ(read->churn, written.churn);
  EXPECT_EQ(read->half_open, written.half_open);
  EXPECT_EQ(read->slow, written.slow);
}

TEST(LoadShardResultJson, WhatWasNotAskedForIsNotThere) {
  LoadShardResult written = full_result();
  written.websocket.reset();
  written.churn.reset();
  written.half_open.reset();
  written.slow.reset();
  const auto read = read_load_shard_result(write_load_shard_result(written));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->websocket, std::nullopt);
  EXPECT_EQ(read->churn, std::nullopt);
  EXPECT_EQ(read->half_open, std::nullopt);
  EXPECT_EQ(read->slow, std::nullopt);
}

TEST(LoadShardResultJson, RefusesHalfAResult) {
  const std::string text = write_load_shard_result(full_result());
  for (std::size_t length = 0; length < text.size(); length += 37) {
    const auto read = read_load_shard_result(std::string_view(text).substr(0, length));
    ASSERT_FALSE(read) << length;
    EXPECT_THAT(read.error(), testing::StartsWith("not a shard's result"));
  }
  EXPECT_FALSE(read_load_shard_result("{}"));
}

TEST(LoadShardResultJson, RefusesADamagedHistogram) {
  std::string text = write_load_shard_result(full_result());
  const std::string histogram = encode_v2_base64(histogram_of({27}));
  text.replace(text.find(histogram), histogram.size(), "nonsense");
  const auto read = read_load_shard_result(text);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), testing::StartsWith("a histogram of a shard's result is damaged"));
}

}  // namespace
}  // namespace c1m::measure
