// Requests go out, answers come in, and every accident of a connection is counted, on socket pairs
// whose other end the test plays. Also the traffic that drives an exchange, in virtual time.
#include "loadgen/echo_exchange.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/traffic.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;
constexpr os::Nanoseconds start_ns = 1'000 * ms;
constexpr measure::LoadWindow window{.start_ns = start_ns, .end_ns = start_ns + 1'000 * ms};

// Moves when told to, and by `tick_ns` at each look.
class TickingClock final : public os::Clock {
 public:
  explicit TickingClock(os::Nanoseconds now_ns) : now_ns_(now_ns) {}
  [[nodiscard]] os::Nanoseconds now_ns() const override { return now_ns_ += tick_ns; }
  void advance(os::Nanoseconds by_ns) { now_ns_ += by_ns; }

  os::Nanoseconds tick_ns = 0;

 private:
  mutable os::Nanoseconds now_ns_;
};

class EchoExchangeTest : public testing::Test {
 protected:
  void open(std::uint32_t connections, std::size_t message_bytes = 64,
            std::uint32_t in_flight_max = 1'000) {
    payload.emplace(message_bytes, 1);
    range = {.first = 40, .count = connections};
    exchange.emplace(range, in_flight_max, *payload, clock, poller, accounting);
    accounting.open_window(window);
    for (std::uint32_t index = 0; index < connections; ++index) connect(index);
  }

  void connect(std::uint32_t index) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    exchange->connection(index).fd = ends[0];
    peers.emplace_back(ends[1]);
    ASSERT_TRUE(poller.add(ends[0], EPOLLOUT, index));
    exchange->adopt(index);
  }

  std::vector<std::byte> take_request(std::uint32_t index) {
    std::vector<std::byte> bytes(1 << 20);
    bytes.resize(os::read_some(peers[index].get(), bytes).value_or(0));
    return bytes;
  }
  void give(std::uint32_t index, std::span<const std::byte> bytes) {
    ASSERT_EQ(os::write_some(peers[index].get(), bytes), bytes.size());
  }
  void echo(std::uint32_t index) { give(index, take_request(index)); }
  // Echoes as much as the socket takes and keeps the rest for the next call.
  void echo_some(std::uint32_t index) {
    const auto bytes = take_request(index);
    unechoed.insert(unechoed.end(), bytes.begin(), bytes.end());
    const auto given = os::write_some(peers[index].get(), unechoed).value_or(0);
    unechoed.erase(unechoed.begin(), unechoed.begin() + static_cast<std::ptrdiff_t>(given));
  }

  // Handles what is ready; returns the connections that became free.
  std::vector<std::uint32_t> handle_ready() {
    std::vector<std::uint32_t> free;
    std::array<epoll_event, 16> events{};
    const int count = poller.wait(events, 0).value();
    for (int at = 0; at < count; ++at) {
      const auto& event = events.at(static_cast<std::size_t>(at));
      const auto index = static_cast<std::uint32_t>(event.data.u64);
      if (exchange->handle(index, event.events)) free.push_back(index);
    }
    return free;
  }

  measure::LoadShardResult finish() {
    exchange->settle_rest();
    measure::LoadShardResult result;
    accounting.write_to(result);
    return result;
  }

  TickingClock clock{start_ns};
  os::Poller poller = os::Poller::create().value();
  Accounting accounting{LoopKind::open, 500 * ms};
  std::optional<Payload> payload;
  ConnectionRange range;
  std::optional<EchoExchange> exchange;
  std::vector<os::Descriptor> peers;
  std::vector<std::byte> unechoed;
};

TEST_F(EchoExchangeTest, SendsThePayloadOfTheGlobalNumberAndTimesTheAnswer) {
  open(2);
  clock.advance(10 * ms);
  exchange->issue(1, start_ns + 4 * ms);
  const auto request = take_request(1);
  const auto expected = payload->message(41, 0);
  EXPECT_TRUE(std::ranges::equal(request, expected));
  clock.advance(5 * ms);
  give(1, request);
  EXPECT_EQ(handle_ready(), std::vector<std::uint32_t>{1});
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
  EXPECT_TRUE(handle_ready().empty()) << "two requests are still out";
  EXPECT_EQ(exchange->outstanding(), 2U);
  give(0, std::span(requests).subspan(100));
  EXPECT_EQ(handle_ready().size(), 1U);
  EXPECT_EQ(finish().counts.answered, 3U);
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
  open(1, 64, 2);
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

TEST_F(EchoExchangeTest, OpenLoopSendsEachArrivalAtItsTimeWhateverIsAnswered) {
  open(4);
  const PlanParameters parameters{
      .process = ArrivalProcess::poisson, .rate_per_s = 1'000, .connections = 100, .seed = 3};
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

TEST_F(EchoExchangeTest, OpenLoopBehindTimeKeepsIntentionsAndSendsInBursts) {
  open(1);
  constexpr PlanParameters parameters{
      .process = ArrivalProcess::uniform, .rate_per_s = 1'000, .connections = 1, .seed = 3};
  const ConnectionRange only{.first = 0, .count = 1};
  OpenLoop traffic(*exchange, ShardPlan(parameters, only, 1'000 * ms), only, start_ns);
  clock.advance(900 * ms);
  traffic.send_due(clock.now_ns());
  EXPECT_EQ(exchange->outstanding(), static_cast<std::uint32_t>(burst_max));
  EXPECT_EQ(traffic.next_due_ns(), start_ns + burst_max * ms + ms / 2) << "no arrival is moved";
  const auto result = finish();
  EXPECT_EQ(result.send_lag_ns.count_at_value(900 * ms - ms / 2), 1U);
}

TEST_F(EchoExchangeTest, OpenLoopEndsWhereItIsCut) {
  open(1);
  OpenLoop traffic(
      *exchange,
      ShardPlan(
          {.process = ArrivalProcess::uniform, .rate_per_s = 10'000, .connections = 41, .seed = 3},
          range, 1'000 * ms),
      range, start_ns);
  ASSERT_NE(traffic.next_due_ns(), never_ns);
  traffic.end_at(traffic.next_due_ns());
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
}

TEST_F(EchoExchangeTest, ClosedLoopKeepsOneRequestOutstanding) {
  open(3);
  ClosedLoop traffic(*exchange, start_ns, window.end_ns);
  EXPECT_EQ(traffic.next_due_ns(), start_ns);
  traffic.send_due(clock.now_ns());
  EXPECT_EQ(exchange->outstanding(), 3U);
  EXPECT_EQ(traffic.next_due_ns(), never_ns);
  for (int round = 0; round < 4; ++round) {
    clock.advance(ms);
    echo(2);
    for (const std::uint32_t index : handle_ready()) traffic.on_free(index);
    EXPECT_EQ(exchange->outstanding(), 3U);
  }
  clock.advance(1'000 * ms);
  echo(2);
  for (const std::uint32_t index : handle_ready()) traffic.on_free(index);
  EXPECT_EQ(exchange->outstanding(), 2U) << "the window is over";
  EXPECT_EQ(finish().counts.answered, 5U);
}

TEST_F(EchoExchangeTest, ClosedLoopStartsNothingAfterItsEnd) {
  open(3);
  ClosedLoop traffic(*exchange, start_ns, start_ns + ms);
  traffic.send_due(start_ns + ms);
  EXPECT_EQ(exchange->outstanding(), 0U);
  EXPECT_EQ(traffic.next_due_ns(), never_ns) << "or its owner would wait for ever";
}

TEST_F(EchoExchangeTest, AliveProofAsksEachConnectionOnce) {
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

TEST_F(EchoExchangeTest, AliveProofCutShortCountsTheRestAsUnsent) {
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
