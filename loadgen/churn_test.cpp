// Lives end when the plan says, in order, and begin again; whatever the peer does, each is counted.
#include "loadgen/churn.hpp"

#include <array>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/accept_fixture.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;
constexpr os::Nanoseconds start_ns = 1'000 * ms;
constexpr os::Nanoseconds life_ns = 100 * ms;
constexpr os::Nanoseconds end_ns = start_ns + 10'000 * ms;
constexpr Lifetime fixed{.kind = LifetimeKind::fixed, .least_ns = life_ns, .most_ns = life_ns};

// The clock is virtual but the sockets are real: loopback, to a listener that the test plays.
class ChurnTest : public testing::Test {
 protected:
  ChurnTest() { accounting.open_window({.start_ns = start_ns, .end_ns = end_ns}); }

  void begin(std::uint32_t connections) {
    range = {.first = 40, .count = connections};
    exchange.emplace(range, EchoExchange::InFlightLimits{.in_all = 100}, payload, clock, poller,
                     accounting);
    attempts.emplace(*exchange, range, routes, clock, poller, timeout_ns);
    for (std::uint32_t index = 0; index < connections; ++index) {
      ASSERT_EQ(attempts->start(index), ConnectAttempts::Progress::pending);
      handle_ready();
      accept();
    }
    ASSERT_EQ(exchange->established(), connections);
    churn.emplace(*exchange, LifePlan(lifetime, 1), range, *attempts, clock, timeout_ns, start_ns,
                  end_ns);
  }

  void accept() { accept_soon(listener.get(), peers); }

  void handle_ready() {
    std::array<epoll_event, 16> events{};
    const int count = poller.wait(events, 100 * ms).value();
    for (int at = 0; at < count; ++at) {
      const auto& event = events.at(static_cast<std::size_t>(at));
      const auto index = static_cast<std::uint32_t>(event.data.u64);
      if (exchange->connection(index).state == ConnectionState::connecting) {
        churn ? churn->handle(index) : static_cast<void>(attempts->handle(index));
      } else {
        exchange->handle(index, event.events);
      }
    }
  }

  // Up to the end of the first connection's life, which is when FIN leaves.
  void end_first_life() {
    clock.advance(LifePlan(fixed, 1).length_ns(40, 0));
    churn->advance(clock.now_ns());
  }

  std::vector<std::byte> take(std::size_t peer) {
    std::vector<std::byte> bytes(1'000);
    bytes.resize(os::read_some(peers[peer].get(), bytes).value_or(0));
    return bytes;
  }
  // What the peer sees: nothing yet (nullopt), the end (0), or so many bytes.
  std::optional<std::size_t> seen_by(std::size_t peer) {
    std::array<std::byte, 1'000> bytes{};
    const auto got = os::read_some(peers[peer].get(), bytes);
    return got ? std::optional(*got) : std::nullopt;
  }

  measure::LoadShardResult finish() {
    exchange->settle_rest();
    measure::LoadShardResult result;
    accounting.write_to(result);
    return result;
  }

  const os::Nanoseconds timeout_ns = 500 * ms;
  Lifetime lifetime = fixed;
  os::ManualClock clock{start_ns};
  os::Poller poller = os::Poller::create().value();
  Accounting accounting{LoopKind::open, timeout_ns};
  Payload payload{64, 1};
  os::Descriptor listener = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {}).value();
  Routes routes{{os::local_endpoint(listener.get()).value()}, {}};
  ConnectionRange range;
  std::optional<EchoExchange> exchange;
  std::optional<ConnectAttempts> attempts;
  std::optional<Churn> churn;
  std::vector<os::Descriptor> peers;
};

TEST_F(ChurnTest, EndsInOrderAndBeginsAgain) {
  begin(1);
  const os::Nanoseconds due_ns = start_ns + LifePlan(fixed, 1).length_ns(40, 0);
  EXPECT_EQ(churn->next_due_ns(), due_ns);
  churn->advance(due_ns - 1);
  EXPECT_EQ(seen_by(0), std::nullopt) << "not before it is due";
  end_first_life();
  EXPECT_EQ(seen_by(0), 0U) << "FIN";
  EXPECT_EQ(exchange->established(), 0U);
  EXPECT_EQ(churn->away(), 1U);

  clock.advance(3 * ms);
  peers[0].reset();
  handle_ready();
  EXPECT_EQ(churn->next_due_ns(), 0) << "it wants to be opened";
  clock.advance(2 * ms);
  churn->advance(clock.now_ns());
  clock.advance(ms);
  handle_ready();
  accept();
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(churn->away(), 0U);
  EXPECT_EQ(churn->next_due_ns(), due_ns + life_ns) << "the plan does not wait for the peer";

  const measure::ChurnResult result = churn->result();
  EXPECT_EQ(result.ends_planned, 1U);
  EXPECT_EQ(result.closed, 1U);
  EXPECT_EQ(result.reopened, 1U);
  EXPECT_EQ(result.imbalance(), 0U);
  EXPECT_NEAR(static_cast<double>(result.close_ns.max()), 3 * ms, 0.001 * 3 * ms);
  EXPECT_NEAR(static_cast<double>(result.away_ns.max()), 6 * ms, 0.001 * 6 * ms);
  EXPECT_EQ(exchange->errors(), measure::ErrorCounts{}) << "no connection ended early";
}

TEST_F(ChurnTest, WaitsForTheAnswersBeforeItEnds) {
  begin(1);
  exchange->issue(0, start_ns);
  end_first_life();
  const auto request = take(0);
  EXPECT_EQ(request.size(), 64U);
  EXPECT_EQ(seen_by(0), std::nullopt) << "no FIN yet";
  EXPECT_EQ(churn->result().unclosed, 1U);
  ASSERT_EQ(os::write_some(peers[0].get(), request), request.size());
  handle_ready();
  EXPECT_EQ(seen_by(0), 0U);
  EXPECT_EQ(finish().counts.answered, 1U);
}

TEST_F(ChurnTest, RequestsWaitForTheNextLifeAndCountFromTheirIntendedTime) {
  begin(1);
  end_first_life();
  const os::Nanoseconds intended_ns = clock.now_ns();
  exchange->issue(0, intended_ns);
  peers[0].reset();
  handle_ready();
  churn->advance(clock.now_ns());
  exchange->issue(0, intended_ns);
  clock.advance(20 * ms);
  handle_ready();
  accept();
  const auto requests = take(1);
  EXPECT_EQ(requests.size(), 128U);
  clock.advance(ms);
  ASSERT_EQ(os::write_some(peers[1].get(), requests), requests.size());
  handle_ready();
  const measure::LoadShardResult result = finish();
  EXPECT_EQ(result.counts.answered, 2U);
  EXPECT_EQ(result.counts.unsent, 0U);
  EXPECT_NEAR(static_cast<double>(result.response_ns.min()), 21 * ms, 0.01 * ms * 21);
  EXPECT_NEAR(static_cast<double>(result.response_ns.max()), 21 * ms, 0.01 * ms * 21);
  EXPECT_NEAR(static_cast<double>(result.service_ns.max()), ms, 0.01 * ms);
  EXPECT_EQ(result.send_lag_ns.max(), 0) << "no lag of the generator's";
  EXPECT_DOUBLE_EQ(result.queued_request_s, 0.040);
}

TEST_F(ChurnTest, ARefusedConnectionStaysClosedAndItsRequestsAreUnsent) {
  begin(1);
  end_first_life();
  exchange->issue(0, clock.now_ns());
  listener.reset();
  peers[0].reset();
  handle_ready();
  churn->advance(clock.now_ns());
  handle_ready();
  const measure::ChurnResult result = churn->result();
  EXPECT_EQ(result.reopens_failed, 1U);
  EXPECT_EQ(result.connect_errors, (measure::ErrorCounts{{"ECONNREFUSED", 1}}));
  EXPECT_EQ(result.imbalance(), 0U);
  EXPECT_EQ(churn->away(), 0U);
  clock.advance(life_ns);
  churn->advance(clock.now_ns());
  EXPECT_EQ(churn->result().ends_skipped, 1U) << "it has no life that could end";
  EXPECT_EQ(finish().counts.unsent, 1U);
}

TEST_F(ChurnTest, APeerThatKeepsItsEndOpenIsGivenUp) {
  begin(1);
  end_first_life();
  clock.advance(timeout_ns - 1);
  churn->advance(clock.now_ns());
  EXPECT_EQ(churn->result().closes_failed, 0U);
  EXPECT_EQ(churn->result().ends_skipped, 4U) << "its next lives were over before they began";
  clock.advance(1);
  churn->advance(clock.now_ns());
  EXPECT_EQ(churn->result().close_errors, (measure::ErrorCounts{{"ETIMEDOUT", 1}}));
  handle_ready();
  EXPECT_EQ(churn->result().reopened, 1U);
  EXPECT_EQ(churn->result().imbalance(), 0U);
}

TEST_F(ChurnTest, APeerThatResetsHasNotClosedInOrder) {
  begin(1);
  end_first_life();
  ASSERT_TRUE(os::reset_on_close(peers[0].get()));
  peers[0].reset();
  handle_ready();
  const measure::ChurnResult result = churn->result();
  EXPECT_EQ(result.closed, 0U);
  EXPECT_EQ(result.close_errors, (measure::ErrorCounts{{"ECONNRESET", 1}}));
  EXPECT_EQ(result.unopened, 1U);
}

TEST_F(ChurnTest, AResetComesInTheMiddleOfARequestThatNothingCounts) {
  lifetime.reset_share = 1;
  begin(1);
  exchange->issue(0, start_ns);
  end_first_life();
  const auto request = take(0);
  EXPECT_EQ(request.size(), 64U);
  EXPECT_EQ(seen_by(0), std::nullopt) << "not before what was sent is answered";
  ASSERT_EQ(os::write_some(peers[0].get(), request), request.size());
  handle_ready();
  EXPECT_EQ(churn->result().resets, 1U);
  EXPECT_EQ(churn->result().unopened, 1U);
  EXPECT_EQ(exchange->established(), 0U);

  const auto half = take(0);
  EXPECT_EQ(half.size(), 32U) << "the half that had arrived before the reset";
  std::array<std::byte, 8> rest{};
  const auto got = os::read_some(peers[0].get(), rest);
  ASSERT_FALSE(got);
  EXPECT_EQ(os::error_name(got.error().code), "ECONNRESET");

  churn->advance(clock.now_ns());
  handle_ready();
  accept();
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(churn->result().closed, 0U);
  EXPECT_TRUE(churn->result().close_ns.empty());
  EXPECT_EQ(churn->result().imbalance(), 0U);
  EXPECT_EQ(exchange->errors(), measure::ErrorCounts{});
  const measure::LoadShardResult result = finish();
  EXPECT_EQ(result.counts.planned, 1U);
  EXPECT_EQ(result.counts.answered, 1U);
}

TEST_F(ChurnTest, AServerThatEndsAConnectionBeforeItsResetIsNoReset) {
  lifetime.reset_share = 1;
  begin(1);
  exchange->issue(0, start_ns);
  end_first_life();
  peers[0].reset();  // with a request unread: ECONNRESET
  handle_ready();
  EXPECT_EQ(churn->result().resets, 0U);
  EXPECT_EQ(churn->result().closes_failed, 1U);
}

TEST_F(ChurnTest, AResetThatThePeerHasForestalledIsThePeers) {
  lifetime.reset_share = 1;
  begin(1);
  ASSERT_TRUE(os::reset_on_close(peers[0].get()));
  peers[0].reset();
  end_first_life();  // before its event is handled
  EXPECT_EQ(churn->result().resets, 0U);
  EXPECT_EQ(churn->result().close_errors, (measure::ErrorCounts{{"ECONNRESET", 1}}));
}

TEST_F(ChurnTest, NothingEndsAfterThePlanDoes) {
  begin(1);
  churn->end_at(start_ns + LifePlan(fixed, 1).length_ns(40, 0));
  EXPECT_TRUE(churn->finished());
  end_first_life();
  EXPECT_EQ(exchange->established(), 1U);
  EXPECT_EQ(churn->result().ends_planned, 0U);
}

TEST_F(ChurnTest, EveryShardEndsItsPartOfThePlan) {
  const LifePlan plan({.kind = LifetimeKind::exponential, .least_ns = life_ns, .most_ns = life_ns},
                      5);
  const auto ends_of = [&](ConnectionRange part) {
    exchange.emplace(part, EchoExchange::InFlightLimits{.in_all = 1}, payload, clock, poller,
                     accounting);
    attempts.emplace(*exchange, part, routes, clock, poller, timeout_ns);
    Churn shard(*exchange, plan, part, *attempts, clock, timeout_ns, start_ns,
                start_ns + 1'000 * ms);
    std::multiset<os::Nanoseconds> due_ns;
    while (shard.next_due_ns() < end_ns) {
      const os::Nanoseconds next_ns = shard.next_due_ns();
      const std::uint64_t before = shard.result().ends_planned;
      shard.advance(next_ns);  // none of them stands, so that each is skipped
      for (auto at = before; at < shard.result().ends_planned; ++at) due_ns.insert(next_ns);
    }
    return due_ns;
  };
  const auto whole = ends_of({.first = 0, .count = 30});
  std::multiset<os::Nanoseconds> parts;
  for (std::uint32_t shard = 0; shard < 7; ++shard) {
    parts.merge(ends_of(shard_range(30, 7, shard)));
  }
  EXPECT_EQ(parts, whole);
  EXPECT_EQ(whole.size(), count_ends(plan, 30, 1'000 * ms).all);
}

TEST_F(ChurnTest, WhatIsUnderWayAtTheEndIsCountedAndClosed) {
  begin(2);
  clock.advance(life_ns);
  churn->advance(clock.now_ns());
  peers[0].reset();
  handle_ready();
  const measure::ChurnResult result = churn->result();
  EXPECT_EQ(result.ends_planned, 2U);
  EXPECT_EQ(result.unclosed, 1U);
  EXPECT_EQ(result.unopened, 1U);
  EXPECT_EQ(result.imbalance(), 0U);
  EXPECT_FALSE(churn->finished());
  churn.reset();
  EXPECT_EQ(exchange->connection(0).state, ConnectionState::closed);
  EXPECT_EQ(exchange->connection(1).state, ConnectionState::closed);
}

}  // namespace
}  // namespace c1m::loadgen
