// Shards are watched: one that stands still is killed and named, one that is well is left alone.
#include "loadgen/shard_fleet.hpp"

#include <array>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds ms = os::ns_per_ms;

TEST(SignOfLife, CountsTheTimeWithoutATurn) {
  SignOfLife life(0);
  EXPECT_EQ(life.still_ns(1, 100 * ms), 0) << "it has turned since the start";
  EXPECT_EQ(life.still_ns(1, 300 * ms), 200 * ms);
  EXPECT_EQ(life.still_ns(1, 500 * ms), 400 * ms);
  EXPECT_EQ(life.still_ns(2, 700 * ms), 0);
}

TEST(SignOfLife, IgnoresTimeInWhichNobodyLooked) {
  SignOfLife life(0);
  EXPECT_EQ(life.still_ns(0, 3'600 * os::ns_per_s), SignOfLife::look_gap_max_ns);
}

class ShardFleetTest : public testing::Test {
 protected:
  void SetUp() override {
    listener = os::listen_tcp(os::Endpoint::ipv4(0x7f000001, 0), {}).value();
    settings.targets = {os::local_endpoint(listener.get()).value()};
    settings.connections = 4;
    routes.emplace(settings.targets, std::vector<AddressRange>{});
    make();
    fleet->let_connect();
  }

  void make() { fleet.emplace(ShardFleet::create(settings, *routes, payload, 2, poller).value()); }

  // Handles the fleet's events and watches it until `done`, at most 20 s.
  template <class Done>
  void watch_until(os::Nanoseconds limit_ns, Done done) {
    const os::Nanoseconds deadline_ns = os::monotonic_ns() + 20 * os::ns_per_s;
    while (!done() && os::monotonic_ns() < deadline_ns) {
      std::array<epoll_event, 8> events{};
      const int count = poller.wait(events, 10 * ms).value();
      for (int at = 0; at < count; ++at) {
        fleet->handle(events.at(static_cast<std::size_t>(at)).data.u64);
      }
      fleet->kill_stuck(os::monotonic_ns(), limit_ns);
    }
  }

  LoadSettings settings;
  os::Poller poller = os::Poller::create().value();
  os::Descriptor listener;
  std::optional<Routes> routes;
  Payload payload{64, 1};
  std::optional<ShardFleet> fleet;
};

TEST_F(ShardFleetTest, ConnectsWhenItMay) {
  fleet.reset();
  make();
  const os::Nanoseconds looked_ns = os::monotonic_ns();
  watch_until(20 * os::ns_per_s, [&] { return os::monotonic_ns() > looked_ns + 100 * ms; });
  EXPECT_EQ(fleet->status().established, 0U);
  EXPECT_FALSE(fleet->all_ended());
  fleet->let_connect();
  watch_until(20 * os::ns_per_s, [&] { return fleet->status().established == 4; });
  EXPECT_EQ(fleet->status().established, 4U);
}

TEST_F(ShardFleetTest, NamesAShardThatStandsStill) {
  watch_until(30 * os::ns_per_s, [&] { return fleet->status().slowest == ShardPhase::ready; });
  EXPECT_EQ(fleet->status().established, 4U);
  const auto [index, pid] = fleet->identities()[1];
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  // A healthy shard turns once a second, so that the bound leaves it alone.
  watch_until(4 * os::ns_per_s, [&] { return !fleet->deaths().empty(); });
  ASSERT_EQ(fleet->deaths().size(), 1U);
  EXPECT_THAT(fleet->deaths()[0], testing::StartsWith("shard 1 (pid " + std::to_string(pid)));
  EXPECT_THAT(fleet->deaths()[0], testing::HasSubstr("no sign of life"));
  EXPECT_FALSE(fleet->all_ended());
  EXPECT_EQ(fleet->status().established, 2U) << "the dead shard's connections are gone";
}

TEST_F(ShardFleetTest, NamesAShardThatWasKilled) {
  const auto [index, pid] = fleet->identities()[0];
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  watch_until(30 * os::ns_per_s, [&] { return !fleet->deaths().empty(); });
  ASSERT_EQ(fleet->deaths().size(), 1U);
  EXPECT_THAT(fleet->deaths()[0], testing::HasSubstr("killed by signal 9"));
}

TEST_F(ShardFleetTest, ReportsWithoutEverStarting) {
  fleet->control().stop_ns = os::monotonic_ns();
  fleet->control().report = true;
  fleet->wake();
  watch_until(30 * os::ns_per_s, [&] { return fleet->all_ended(); });
  EXPECT_THAT(fleet->deaths(), testing::IsEmpty());
  const auto results = fleet->take_results();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].index, 0U);
  EXPECT_EQ(results[1].connections_planned, 2U);
}

}  // namespace
}  // namespace c1m::loadgen
