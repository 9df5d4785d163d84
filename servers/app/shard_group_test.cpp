// Shards as real processes with made-up backends: they start, die, stop, and are killed when they
// will not.
#include "servers/app/shard_group.hpp"

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/exit_code.hpp"
#include "os/poller.hpp"
#include "os/process.hpp"
#include "servers/app/shard.hpp"

namespace c1m::servers::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

os::Result<void> wait_for_stop(ShardContext& context) {
  auto poller = os::Poller::create();
  if (!poller) return std::unexpected(poller.error());
  if (auto added = poller->add(context.stop_descriptor, EPOLLIN, 0); !added) return added;
  std::array<epoll_event, 1> events{};
  if (const auto waited = poller->wait(events, -1); !waited) return std::unexpected(waited.error());
  return {};
}

os::Result<void> count_and_wait(ShardContext& context) {
  context.counters.back().count_read(100 + context.index);
  return wait_for_stop(context);
}

os::Result<void> fail_at_once(ShardContext&) {
  return os::fail(EIO, "serve");
}

os::Result<void> fail_at_stop(ShardContext& context) {
  (void)wait_for_stop(context);
  return os::fail(EIO, "serve");
}

os::Result<void> ignore_stop(ShardContext& context) {
  (void)wait_for_stop(context);
  while (true) ::pause();
}

Backend backend_that(os::Result<void> (*serve)(ShardContext&)) {
  return {
      .name = "test", .program = "c1m-test", .summary = "", .has_processors = true, .serve = serve};
}

class ShardGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    // Signals come from this pipe-like timer-free descriptor: nothing is pending until a test
    // raises one.
    auto signals = os::signal_descriptor({SIGUSR1});
    ASSERT_TRUE(signals);
    signals_ = std::move(*signals);
  }

  std::expected<ShardGroup, Refusal> start(const Backend& backend, unsigned shards,
                                           std::uint16_t port = 0) {
    ServerOptions options;
    options.processors = 2;
    std::vector<ShardPlan> plans;
    plans.reserve(shards);
    for (unsigned index = 0; index < shards; ++index) {
      plans.push_back({.index = index,
                       .endpoint = os::Endpoint::ipv4(0x7f000001, port),
                       .cpus = {},
                       .connections = 1});
    }
    return ShardGroup::start(backend, options, std::move(plans), signals_.get());
  }

  std::vector<std::string> stop(ShardGroup& group, os::Nanoseconds bound_ns = 20 * os::ns_per_s) {
    return group.stop(signals_.get(), bound_ns);
  }

  void await_end(const ShardGroup::Shard& shard) {
    auto poller = os::Poller::create();
    ASSERT_TRUE(poller && poller->add(shard.process.pidfd(), EPOLLIN, 0));
    std::array<epoll_event, 1> events{};
    ASSERT_EQ(poller->wait(events, 20 * os::ns_per_s), 1);
  }

  os::Descriptor signals_;
};

TEST_F(ShardGroupTest, EveryShardListensOnAPortOfItsOwn) {
  auto group = start(backend_that(wait_for_stop), 3);
  ASSERT_TRUE(group) << group.error().text;
  ASSERT_EQ(group->shards().size(), 3U);
  for (const ShardGroup::Shard& shard : group->shards()) {
    EXPECT_TRUE(shard.alive);
    EXPECT_NE(shard.plan.endpoint.port(), 0) << "the kernel's choice is known";
    EXPECT_TRUE(os::start_connect(shard.plan.endpoint, std::nullopt, {}));
  }
  EXPECT_THAT(stop(*group), IsEmpty());
  for (const ShardGroup::Shard& shard : group->shards()) {
    EXPECT_FALSE(shard.alive);
    EXPECT_EQ(::kill(shard.process.pid(), 0), -1) << "reaped";
  }
}

TEST_F(ShardGroupTest, CountersOfAShardAreItsOwn) {
  auto group = start(backend_that(count_and_wait), 2);
  ASSERT_TRUE(group);
  EXPECT_THAT(stop(*group), IsEmpty());
  EXPECT_EQ(group->counters_of(0).size(), 2U) << "one for each processor";
  EXPECT_EQ(sum_of(group->counters_of(0)).bytes_received, 100U);
  EXPECT_EQ(sum_of(group->counters_of(1)).bytes_received, 101U);
}

TEST_F(ShardGroupTest, ABusyPortIsNamed) {
  const auto holder = os::listen_tcp(os::Endpoint::ipv4(0x7f000001, 0), {});
  ASSERT_TRUE(holder);
  const std::uint16_t port = os::local_endpoint(holder->get())->port();
  const auto group = start(backend_that(wait_for_stop), 1, port);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().exit_code, os::exit_failed);
  EXPECT_THAT(group.error().text,
              testing::StartsWith("port " + std::to_string(port) + " is in use"));
}

TEST_F(ShardGroupTest, SaysWhichShardDiedAndHow) {
  auto group = start(backend_that(wait_for_stop), 2);
  ASSERT_TRUE(group);
  const ShardGroup::Shard& victim = group->shards()[1];
  ASSERT_TRUE(victim.process.signal(SIGKILL));
  await_end(victim);
  EXPECT_EQ(group->reap(1), "shard 1 (pid " + std::to_string(victim.process.pid()) + ", port " +
                                std::to_string(victim.plan.endpoint.port()) +
                                ") was killed by signal 9 (SIGKILL)");
  EXPECT_FALSE(victim.alive);
  EXPECT_THAT(stop(*group), IsEmpty()) << "the other one stops well";
}

TEST_F(ShardGroupTest, AShardThatFailsWhileServingHasAnExitCode) {
  auto group = start(backend_that(fail_at_once), 1);
  ASSERT_TRUE(group) << "it did listen";
  await_end(group->shards()[0]);
  EXPECT_THAT(group->reap(0), HasSubstr("exited with code 1"));
}

TEST_F(ShardGroupTest, StopTellsOfAShardThatEndedBadly) {
  auto group = start(backend_that(fail_at_stop), 1);
  ASSERT_TRUE(group);
  EXPECT_THAT(stop(*group), ElementsAre(HasSubstr("exited with code 1 while stopping")));
}

TEST_F(ShardGroupTest, KillsAShardThatDoesNotStopInTime) {
  auto group = start(backend_that(ignore_stop), 2);
  ASSERT_TRUE(group);
  const int pid = group->shards()[0].process.pid();
  EXPECT_THAT(stop(*group, os::ns_per_ms),
              ElementsAre(HasSubstr("shard 0"), HasSubstr("did not stop in time and was killed")));
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(ShardGroupTest, ASecondSignalEndsTheWaitForShardsAtOnce) {
  auto group = start(backend_that(ignore_stop), 1);
  ASSERT_TRUE(group);
  ::kill(::getpid(), SIGUSR1);
  EXPECT_THAT(stop(*group, 3600 * os::ns_per_s), ElementsAre(HasSubstr("was killed")));
}

TEST_F(ShardGroupTest, ASignalEndsTheWaitForListening) {
  ::kill(::getpid(), SIGUSR1);
  const auto group = start(backend_that(wait_for_stop), 1);
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().exit_code, os::exit_signal_base + SIGUSR1);
}

TEST_F(ShardGroupTest, DestructionLeavesNoShardBehind) {
  int pid = 0;
  {
    auto group = start(backend_that(ignore_stop), 1);
    ASSERT_TRUE(group);
    pid = group->shards()[0].process.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(OpenListeners, SharesThePortThatTheKernelChose) {
  const auto listeners = open_listeners(os::Endpoint::ipv4(0x7f000001, 0), 3, {});
  ASSERT_TRUE(listeners);
  ASSERT_EQ(listeners->size(), 3U);
  const auto first = os::local_endpoint((*listeners)[0].get());
  for (const os::Descriptor& listener : *listeners) {
    EXPECT_EQ(os::local_endpoint(listener.get())->port(), first->port());
  }
}

TEST(OpenListeners, DoesNotShareAPortWithAnotherServer) {
  const auto first = open_listeners(os::Endpoint::ipv4(0x7f000001, 0), 2, {});
  ASSERT_TRUE(first);
  const auto endpoint = os::local_endpoint((*first)[0].get());
  const auto second = open_listeners(*endpoint, 2, {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("is in use"));
}

TEST(OpenListeners, NamesAnAddressThatIsNotOfThisMachine) {
  const auto listeners =
      open_listeners(os::Endpoint::ipv4(0xc0000201, 7000), 1, {});  // 192.0.2.1, documentation
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().exit_code, os::exit_failed);
  EXPECT_THAT(listeners.error().text, HasSubstr("cannot listen on 192.0.2.1:7000"));
}

}  // namespace
}  // namespace c1m::servers::app
