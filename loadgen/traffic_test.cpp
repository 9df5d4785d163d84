// Each kind of traffic sends at its moments, and ends when it is told to.
#include "loadgen/traffic.hpp"

#include <vector>

#include "loadgen/echo_exchange_fixture.hpp"

namespace c1m::loadgen {
namespace {

class TrafficTest : public EchoExchangeTest {};

TEST_F(TrafficTest, OpenLoopSendsEachArrivalAtItsTimeWhateverIsAnswered) {
  open(4);
  const PlanParameters parameters{.process = ArrivalProcess::poisson,
                                  .rate = {.then_per_s = 1'000},
                                  .connections = 100,
                                  .seed = 3};
  const ShardPlan plan(parameters, range, 1'000 * ms);
  std::vector<os::Nanoseconds> planned;
  for (ShardPlan copy = plan; copy.peek(); copy.pop()) {
    planned.push_back(start_ns + copy.peek()->offset_ns);
  }
  ASSERT_GT(planned.size(), 20U);
  OpenLoop traffic(*exchange, plan, range, start_ns);
  for (const os::Nanoseconds due_ns : planned) {
    ASSERT_EQ(traffic.next_due_ns(), due_ns);
    clock.advance(due_ns - clock.now_ns());
    traffic.send_due(clock.now_ns());
  }
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
  const auto result = finish();
  EXPECT_EQ(result.counts.sent, planned.size());
  EXPECT_EQ(result.send_lag_ns.max(), 0);
}

TEST_F(TrafficTest, OpenLoopBehindTimeKeepsIntentionsAndSendsInBursts) {
  open(1);
  constexpr PlanParameters parameters{.process = ArrivalProcess::uniform,
                                      .rate = {.then_per_s = 1'000},
                                      .connections = 1,
                                      .seed = 3};
  const ConnectionRange only{.first = 0, .count = 1};
  OpenLoop traffic(*exchange, ShardPlan(parameters, only, 1'000 * ms), only, start_ns);
  clock.advance(900 * ms);
  traffic.send_due(clock.now_ns());
  EXPECT_EQ(exchange->outstanding(), static_cast<std::uint32_t>(burst_max));
  EXPECT_EQ(traffic.next_due_ns(), start_ns + burst_max * ms + ms / 2) << "no arrival is moved";
  const auto result = finish();
  EXPECT_EQ(result.send_lag_ns.count_at_value(900 * ms - ms / 2), 1U);
}

TEST_F(TrafficTest, OpenLoopEndsWhereItIsCut) {
  open(1);
  OpenLoop traffic(*exchange,
                   ShardPlan({.process = ArrivalProcess::uniform,
                              .rate = {.then_per_s = 10'000},
                              .connections = 41,
                              .seed = 3},
                             range, 1'000 * ms),
                   range, start_ns);
  ASSERT_NE(traffic.next_due_ns(), never_ns);
  traffic.end_at(traffic.next_due_ns());
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
}

TEST_F(TrafficTest, ClosedLoopKeepsOneRequestOutstanding) {
  open(3);
  ClosedLoop traffic(*exchange, 1, start_ns, window.end_ns);
  EXPECT_EQ(traffic.next_due_ns(), start_ns);
  traffic.send_due(clock.now_ns());
  EXPECT_EQ(exchange->outstanding(), 3U);
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
  for (int round = 0; round < 4; ++round) {
    clock.advance(ms);
    echo(2);
    for (const auto [index, count] : handle_ready()) traffic.on_answered(index, count);
    EXPECT_EQ(exchange->outstanding(), 3U);
  }
  clock.advance(1'000 * ms);
  echo(2);
  for (const auto [index, count] : handle_ready()) traffic.on_answered(index, count);
  EXPECT_EQ(exchange->outstanding(), 2U) << "the window is over";
  EXPECT_EQ(finish().counts.answered, 5U);
}

TEST_F(TrafficTest, ClosedLoopKeepsItsPipelineFull) {
  open(2);
  ClosedLoop traffic(*exchange, 3, start_ns, window.end_ns);
  traffic.send_due(clock.now_ns());
  EXPECT_EQ(exchange->outstanding(), 6U);
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
  const auto requests = take_request(1);
  ASSERT_EQ(requests.size(), 3U * 64U);
  give(1, std::span(requests).first(128));
  for (const auto [index, count] : handle_ready()) traffic.on_answered(index, count);
  EXPECT_EQ(exchange->outstanding(), 6U);
  EXPECT_EQ(take_request(1).size(), 2U * 64U);
}

TEST_F(TrafficTest, ClosedLoopStartsNothingAfterItsEnd) {
  open(3);
  ClosedLoop traffic(*exchange, 1, start_ns, start_ns + ms);
  traffic.send_due(start_ns + ms);
  EXPECT_EQ(exchange->outstanding(), 0U);
  EXPECT_EQ(traffic.next_due_ns(), never_ns) << "or its owner would wait for ever";
}

TEST_F(TrafficTest, AliveProofAsksEachConnectionOnce) {
  open(3);
  AliveProof traffic(*exchange, start_ns);
  traffic.send_due(start_ns - 1);
  EXPECT_EQ(exchange->outstanding(), 0U);
  traffic.send_due(start_ns);
  EXPECT_TRUE(traffic.finished());
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
  for (const std::uint32_t index : {0U, 1U, 2U}) echo(index);
  handle_ready();
  EXPECT_EQ(finish().counts.answered, 3U);
}

TEST_F(TrafficTest, AliveProofPassesOverWhatIsNotOfTheRun) {
  open(4);
  for (const std::uint32_t index : {0U, 2U}) peers[index].reset();
  handle_ready();
  exchange->forget_closed();
  peers[3].reset();
  handle_ready();
  AliveProof traffic(*exchange, start_ns);
  traffic.send_due(start_ns);
  EXPECT_TRUE(traffic.finished());
  const auto result = finish();
  EXPECT_EQ(result.counts.planned, 2U);
  EXPECT_EQ(result.counts.unsent, 1U) << "closed after the run had begun";
}

TEST_F(TrafficTest, AliveProofCutShortCountsTheRestAsUnsent) {
  open(3);
  AliveProof traffic(*exchange, window.end_ns);
  traffic.end_at(start_ns);
  EXPECT_TRUE(traffic.finished());
  const auto result = finish();
  EXPECT_EQ(result.counts.planned, 3U);
  EXPECT_EQ(result.counts.unsent, 3U);
}

}  // namespace
}  // namespace c1m::loadgen
