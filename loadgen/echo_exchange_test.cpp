// Requests go out, answers come in, and every accident of a connection is counted.
#include "loadgen/echo_exchange.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "loadgen/echo_exchange_fixture.hpp"

namespace c1m::loadgen {
namespace {

TEST_F(EchoExchangeTest, SendsThePayloadOfTheGlobalNumberAndTimesTheAnswer) {
  open(2);
  clock.advance(10 * ms);
  exchange->issue(1, start_ns + 4 * ms);
  const auto request = take_request(1);
  const auto expected = payload->message(41, 0);
  EXPECT_TRUE(std::ranges::equal(request, expected));
  clock.advance(5 * ms);
  give(1, request);
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{1, 1}}));
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 1U);
  EXPECT_EQ(result.counts.corrupt, 0U);
  EXPECT_EQ(result.response_ns.count_at_value(11 * ms), 1U);
  EXPECT_EQ(result.service_ns.count_at_value(5 * ms), 1U);
  EXPECT_EQ(result.send_lag_ns.count_at_value(6 * ms), 1U);
}

TEST_F(EchoExchangeTest, PipelinesOnABusyConnection) {
  open(1);
  for (int sent = 0; sent < 3; ++sent) exchange->issue(0, start_ns);
  EXPECT_EQ(exchange->outstanding(), 3U);
  const auto requests = take_request(0);
  ASSERT_EQ(requests.size(), 3U * 64U) << "none waits for an answer";
  give(0, std::span(requests).first(100));
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{0, 1}}));
  EXPECT_EQ(exchange->outstanding(), 2U);
  give(0, std::span(requests).subspan(100));
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{0, 2}}));
  EXPECT_EQ(finish().counts.answered, 3U);
}

// Two at a time: the third leaves when the first is answered, and has no lag before that.
TEST_F(EchoExchangeTest, WhatExceedsThePipelineWaitsForAnAnswer) {
  open(1, 64, {.in_all = 1'000, .pipeline = 2});
  for (int at = 0; at < 4; ++at) exchange->issue(0, start_ns);
  const auto first_two = take_request(0);
  ASSERT_EQ(first_two.size(), 2U * 64U);
  EXPECT_TRUE(take_request(0).empty());
  clock.advance(30 * ms);
  give(0, std::span(first_two).first(64));
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{0, 1}}));
  const auto third = take_request(0);
  EXPECT_TRUE(std::ranges::equal(third, payload->message(40, 2)));
  give(0, std::span(first_two).subspan(64));
  give(0, third);
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{0, 2}}));
  clock.advance(10 * ms);
  echo(0);
  EXPECT_EQ(handle_ready(), (std::vector<Answered>{{0, 1}}));
  const auto result = finish();
  EXPECT_EQ(result.send_lag_ns.count(), 4U);
  EXPECT_EQ(result.send_lag_ns.max(), 0) << "the server made them wait";
  EXPECT_EQ(result.response_ns.count_at_value(30 * ms), 3U);
  EXPECT_EQ(result.response_ns.count_at_value(40 * ms), 1U) << "counted from the intended time";
}

// The queue behind the pipeline meets a socket without room: neither may forget the other.
TEST_F(EchoExchangeTest, APipelineAndAFullSocketTogetherLoseNothing) {
  open(1, 100'000, {.in_all = 1'000, .pipeline = 8});
  for (int sent = 0; sent < 40; ++sent) exchange->issue(0, start_ns);
  ASSERT_TRUE(exchange->connection(0).awaits_room);
  for (int round = 0; round < 10'000 && exchange->outstanding() > 0; ++round) {
    echo_some(0);
    handle_ready();
    ASSERT_LE(exchange->connection(0).unanswered, 8U);
  }
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 40U);
  EXPECT_EQ(result.counts.corrupt, 0U);
}

TEST_F(EchoExchangeTest, QueuesBehindAFullSocketAndShowsTheWaitAsSendLag) {
  open(1, 100'000);
  for (int sent = 0; sent < 20; ++sent) exchange->issue(0, start_ns);
  ASSERT_TRUE(exchange->connection(0).awaits_room) << "2 MB exceed the socket's buffer";
  clock.advance(50 * ms);
  for (int round = 0; round < 1'000 && exchange->outstanding() > 0; ++round) {
    echo_some(0);
    handle_ready();
  }
  EXPECT_FALSE(exchange->connection(0).awaits_room);
  const auto result = finish();
  EXPECT_EQ(result.counts.answered, 20U);
  EXPECT_EQ(result.counts.corrupt, 0U);
  EXPECT_EQ(result.send_lag_ns.count(), 20U);
  EXPECT_GT(result.send_lag_ns.count_at_value(50 * ms), 0U);
  EXPECT_GT(result.send_lag_ns.count_at_value(0), 0U);
}

// Sending takes time: the second of a queue leaves later than the first.
TEST_F(EchoExchangeTest, LooksAtTheClockForEachRequestOfAQueue) {
  open(1, 30'000);
  clock.tick_ns = 1;
  constexpr std::uint32_t count = 20;
  for (std::uint32_t sent = 0; sent < count; ++sent) exchange->issue(0, start_ns);
  ASSERT_TRUE(exchange->connection(0).awaits_room);
  for (int round = 0; round < 1'000 && exchange->outstanding() > 0; ++round) {
    echo_some(0);
    handle_ready();
  }
  const auto result = finish();
  std::size_t distinct = 0;
  result.send_lag_ns.for_each_recorded([&](const auto&) { ++distinct; });
  EXPECT_EQ(result.send_lag_ns.count(), count);
  EXPECT_EQ(distinct, count);
}

TEST_F(EchoExchangeTest, CountsWhatAClosedConnectionTakesAlong) {
  open(2);
  exchange->issue(0, start_ns);
  exchange->issue(0, start_ns);
  peers[0].reset();
  handle_ready();
  exchange->issue(0, start_ns);
  EXPECT_EQ(exchange->established(), 1U);
  const auto result = finish();
  EXPECT_EQ(result.counts.planned, 3U);
  EXPECT_EQ(result.counts.lost, 2U);
  EXPECT_EQ(result.counts.unsent, 1U);
  // Unread requests make the kernel report a reset instead of an end of stream.
  EXPECT_EQ(exchange->errors(), (measure::ErrorCounts{{"ECONNRESET", 1}}));
}

TEST_F(EchoExchangeTest, NamesAnOrderlyClose) {
  open(1);
  peers[0].reset();
  handle_ready();
  EXPECT_EQ(exchange->errors(), (measure::ErrorCounts{{"closed by peer", 1}}));
}

TEST_F(EchoExchangeTest, QueuedRequestsOfAClosedConnectionAreUnsent) {
  open(1, 300'000);
  for (int sent = 0; sent < 5; ++sent) exchange->issue(0, start_ns);
  peers[0].reset();
  handle_ready();
  const auto result = finish();
  EXPECT_EQ(result.counts.planned, 5U);
  EXPECT_EQ(result.counts.sent, 1U) << "the first one left in part";
  EXPECT_EQ(result.counts.lost, 1U);
  EXPECT_EQ(result.counts.unsent, 4U);
}

TEST_F(EchoExchangeTest, RefusesMoreThanTheMostInFlight) {
  open(1, 64, {.in_all = 2});
  for (int sent = 0; sent < 3; ++sent) exchange->issue(0, start_ns);
  const auto result = finish();
  EXPECT_EQ(result.counts.unsent, 1U);
  EXPECT_EQ(result.counts.in_flight_at_end, 2U);
}

TEST_F(EchoExchangeTest, CountsBytesNobodyAskedFor) {
  open(1);
  const std::array<std::byte, 5> noise{};
  give(0, noise);
  handle_ready();
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(finish().unexpected_bytes, 5U);
}

TEST_F(EchoExchangeTest, TimesEachRequestOfAFlushByItself) {
  open(1);
  exchange->issue(0, start_ns);
  clock.advance(3 * ms);
  exchange->issue(0, start_ns);
  const auto result = finish();
  EXPECT_EQ(result.send_lag_ns.count_at_value(0), 1U);
  EXPECT_EQ(result.send_lag_ns.count_at_value(3 * ms), 1U);
}

}  // namespace
}  // namespace c1m::loadgen
