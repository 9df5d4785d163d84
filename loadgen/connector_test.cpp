// Connections are opened at the asked pace, refusals are named and end the attempts.
#include "loadgen/connector.hpp"

#include <array>
#include <optional>

#include <gtest/gtest.h>

#include "loadgen/traffic.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;

TEST(ConnectPace, SpreadsAttemptsEvenly) {
  const ConnectPace pace(1'000, 50);
  EXPECT_EQ(pace.due_ns(0), 50);
  EXPECT_EQ(pace.due_ns(1), 50 + ms);
  EXPECT_EQ(pace.due_ns(1'000'000), 50 + 1'000 * os::ns_per_s);
}

TEST(ConnectPace, ZeroIsAllAtOnce) {
  const ConnectPace pace(0, 50);
  EXPECT_EQ(pace.due_ns(999'999), 50);
}

class ConnectorTest : public testing::Test {
 protected:
  // The clock is virtual but the connects are real: loopback, to a listener of the test's own.
  void prepare(const os::Endpoint& target, std::uint32_t count, double rate_per_s) {
    range = {.first = 0, .count = count};
    routes.emplace(std::vector{target}, std::vector<AddressRange>{});
    exchange.emplace(range, EchoExchange::InFlightLimits{.in_all = 10}, payload, clock, poller,
                     accounting);
    connector.emplace(*exchange, range, *routes, clock, poller,
                      ConnectPace(rate_per_s, clock.now_ns()), 500 * ms);
  }

  void handle_ready() {
    std::array<epoll_event, 64> events{};
    const int count = poller.wait(events, 100 * ms).value();
    for (int at = 0; at < count; ++at) {
      const auto index =
          static_cast<std::uint32_t>(events.at(static_cast<std::size_t>(at)).data.u64);
      if (exchange->connection(index).state == ConnectionState::connecting) {
        connector->handle(index);
      }
    }
  }

  os::Endpoint local(std::uint16_t port) const { return os::Endpoint::ipv4(0x7f000001, port); }
  os::Endpoint listen() {
    listener = os::listen_tcp(local(0), {}).value();
    return os::local_endpoint(listener.get()).value();
  }

  os::ManualClock clock{1'000 * ms};
  os::Poller poller = os::Poller::create().value();
  Accounting accounting{LoopKind::open, 500 * ms};
  Payload payload{64, 1};
  ConnectionRange range;
  os::Descriptor listener;
  std::optional<Routes> routes;
  std::optional<EchoExchange> exchange;
  std::optional<Connector> connector;
};

TEST_F(ConnectorTest, EstablishesAllAtItsPace) {
  prepare(listen(), 3, 100);
  EXPECT_EQ(connector->next_due_ns(), clock.now_ns());
  for (std::uint64_t expected = 1; expected <= 3; ++expected) {
    connector->start_due(clock.now_ns());
    handle_ready();
    EXPECT_EQ(exchange->established(), expected) << "one every 10 ms";
    clock.advance(10 * ms);
  }
  EXPECT_TRUE(connector->finished());
  EXPECT_EQ(connector->result().latency_ns.count(), 3U);
  EXPECT_EQ(connector->result().last_ns - connector->result().first_ns, 20 * ms);
}

TEST_F(ConnectorTest, CountsAttemptsByTheIntervalInWhichTheyBeginAndEnd) {
  prepare(listen(), 3, 20);  // every 50 ms, from the beginning of an interval on
  for (int attempt = 0; attempt < 3; ++attempt) {
    connector->start_due(clock.now_ns());
    if (attempt == 1) clock.advance(60 * ms);
    handle_ready();
    clock.advance(50 * ms);
  }
  listener.reset();
  const os::Nanoseconds first = 1'000 * ms / measure::connect_interval_ns;
  EXPECT_EQ(connector->timeline(),
            (measure::ConnectTimeline{{first, {.attempted = 2, .established = 1}},
                                      {first + 1, {.attempted = 1, .established = 2}}}));
}

TEST_F(ConnectorTest, NamesARefusalAndStartsNoMore) {
  const os::Endpoint gone = listen();
  listener.reset();
  prepare(gone, 100, 100);
  connector->start_due(clock.now_ns());
  handle_ready();
  clock.advance(1'000 * ms);
  connector->start_due(clock.now_ns());
  EXPECT_TRUE(connector->finished());
  EXPECT_EQ(connector->result().failed, 1U);
  EXPECT_EQ(connector->result().errors, (measure::ErrorCounts{{"ECONNREFUSED", 1}}));
  EXPECT_EQ(connector->result().first_refusal,
            (measure::Refusal{.at_ns = 1'000 * ms, .call = "connect", .reason = "ECONNREFUSED"}));
  EXPECT_EQ(connector->timeline().begin()->second,
            (measure::ConnectInterval{.attempted = 1, .failed = 1}));
  EXPECT_EQ(exchange->established(), 0U);
}

TEST_F(ConnectorTest, FailsAnAttemptThatTakesTooLong) {
  prepare(listen(), 1, 0);
  connector->start_due(clock.now_ns());
  EXPECT_EQ(connector->next_due_ns(), clock.now_ns() + 500 * ms);
  connector->expire(clock.now_ns() + 499 * ms);
  EXPECT_FALSE(connector->finished());
  connector->expire(clock.now_ns() + 500 * ms);
  EXPECT_TRUE(connector->finished());
  EXPECT_EQ(connector->result().errors, (measure::ErrorCounts{{"ETIMEDOUT", 1}}));
}

TEST_F(ConnectorTest, AConnectionThatIsClosedMeanwhileIsARefusal) {
  prepare(listen(), 10, 100);
  connector->start_due(clock.now_ns());
  handle_ready();
  connector->note_closed({});
  EXPECT_EQ(connector->refusals(), 0U);
  connector->note_closed({{"closed by peer", 1}});
  EXPECT_EQ(connector->refusals(), 1U);
  EXPECT_TRUE(connector->finished());
  EXPECT_EQ(connector->result().first_refusal,
            (measure::Refusal{.at_ns = 1'000 * ms, .call = "recv", .reason = "closed by peer"}));
}

TEST_F(ConnectorTest, StopLeavesTheRestUnopened) {
  prepare(listen(), 10, 100);
  connector->start_due(clock.now_ns());
  handle_ready();
  connector->stop();
  EXPECT_TRUE(connector->finished());
  EXPECT_EQ(connector->next_due_ns(), never_ns);
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(connector->result().failed, 0U);
}

}  // namespace
}  // namespace c1m::loadgen
