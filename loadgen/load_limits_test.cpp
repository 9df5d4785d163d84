// Each limit is found, named with its value, and its remedy is one that works.
#include "loadgen/load_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/limits.hpp"

namespace c1m::loadgen {
namespace {

using testing::HasSubstr;

LoadSettings settings_for(std::uint32_t connections, std::optional<std::uint32_t> shards = {}) {
  LoadSettings settings;
  settings.target_names = {"127.0.0.1:7000"};
  settings.targets = {os::Endpoint::ipv4(0x7f000001, 7000)};
  settings.connections = connections;
  settings.shards = shards;
  return settings;
}

constexpr MachineLimits roomy{.descriptors = 20'000,
                              .ports = 28'232,
                              .epoll_watches = std::nullopt,
                              .files_left = std::nullopt};

TEST(PlanShards, TakesTheFewestThatHoldTheConnections) {
  EXPECT_EQ(plan_shards(settings_for(100), roomy, 0), 1U);
  EXPECT_EQ(plan_shards(settings_for(20'000 - 64), roomy, 0), 1U);
  EXPECT_EQ(plan_shards(settings_for(20'000 - 63), roomy, 0), 2U);
  EXPECT_EQ(plan_shards(settings_for(1'000'000), roomy, 72), 51U);
}

TEST(PlanShards, TakesTheUsersNumber) {
  EXPECT_EQ(plan_shards(settings_for(100, 7), roomy, 0), 7U);
}

TEST(PlanShards, NamesTheDescriptorLimit) {
  MachineLimits limits = roomy;
  limits.descriptors = 256;
  const auto planned = plan_shards(settings_for(1'000, 1), limits, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("is 256 a process"));
  EXPECT_THAT(planned.error(), HasSubstr("allows 192 connections, and 1000"));
  EXPECT_THAT(planned.error(), HasSubstr("--shards 6"));
  EXPECT_THAT(planned.error(), HasSubstr("ulimit -n 1064"));
  EXPECT_FALSE(plan_shards(settings_for(1'000, 5), limits, 0));
  EXPECT_EQ(plan_shards(settings_for(1'000, 6), limits, 0), 6U) << "the remedy works";
  limits.descriptors = 1'064;
  EXPECT_EQ(plan_shards(settings_for(1'000, 1), limits, 0), 1U) << "so does the other";
}

TEST(PlanShards, NamesALimitThatAllowsNothing) {
  MachineLimits limits = roomy;
  limits.descriptors = 60;
  const auto planned = plan_shards(settings_for(10), limits, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("is 60 a process"));
}

TEST(PlanShards, KeepsTheSupervisorWithinItsOwnLimit) {
  MachineLimits limits = roomy;
  limits.descriptors = 100;
  const auto planned = plan_shards(settings_for(1'000), limits, 0);
  ASSERT_FALSE(planned) << "28 shards need 84 descriptors of the supervisor beside its own";
  EXPECT_THAT(planned.error(), HasSubstr("supervisor of 28 shards"));
}

TEST(PlanShards, NamesThePortRange) {
  const auto planned = plan_shards(settings_for(28'233), roomy, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("ip_local_port_range has 28232 ports"));
  EXPECT_THAT(planned.error(), HasSubstr("at most 28232 connections, and 28233"));
  EXPECT_TRUE(plan_shards(settings_for(28'233), roomy, 2)) << "one more source is the remedy";
}

// Of 10,000 connections a thousand end a second; a pair of addresses has 28,232 ports.
LoadSettings settings_with_lives() {
  LoadSettings settings = settings_for(10'000);
  settings.lifetime = {.kind = LifetimeKind::exponential,
                       .least_ns = 10 * os::ns_per_s,
                       .most_ns = 10 * os::ns_per_s};
  settings.lifetime_text = "exp:10s";
  return settings;
}

TEST(PortsNeeded, CountsThoseThatWaitAfterTheirEnd) {
  LoadSettings settings = settings_with_lives();
  EXPECT_EQ(ports_needed(settings_for(10'000), roomy), 10'000U);
  EXPECT_EQ(ports_needed(settings, roomy), 12'000U) << "reused on loopback after 2 s at most";
  MachineLimits limits = roomy;
  limits.time_wait_reuse = 0;
  EXPECT_EQ(ports_needed(settings, limits), 70'000U) << "60 s of TIME_WAIT";
  limits.time_wait_reuse = 2;
  settings.targets = {os::Endpoint::ipv4(0x0a000001, 7000)};
  EXPECT_EQ(ports_needed(settings, limits), 70'000U) << "not on loopback";
  limits.time_wait_reuse = 1;
  EXPECT_EQ(ports_needed(settings, limits), 12'000U);
  limits.time_wait_reuse = 0;
  settings.protocol = Protocol::ws;
  EXPECT_EQ(ports_needed(settings, limits), 10'000U) << "the server closes first, and waits";
}

TEST(PortsNeeded, AResetLeavesNothingBehind) {
  LoadSettings settings = settings_with_lives();
  settings.lifetime.reset_share = 0.75;
  EXPECT_EQ(ports_needed(settings, roomy), 10'500U);
}

TEST(PlanShards, ClientsBesideTheLoadNeedTheirPlacesToo) {
  LoadSettings settings = settings_for(10'000);
  settings.unkind = {.half_open = 5'000, .slow = 4'937};
  EXPECT_EQ(plan_shards(settings, roomy, 0), 2U) << "one more than a process has room for";
  settings.unkind.slow = 13'233;
  const auto planned = plan_shards(settings, roomy, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("at most 28232 connections, and 28233"));
}

// Each kind is shared out by itself: the first shard has a rest of each.
TEST(PlanShards, ThreeKindsHaveThreeRests) {
  MachineLimits limits = roomy;
  limits.descriptors = os::reserved_descriptors + 9;
  LoadSettings settings = settings_for(6);
  settings.unkind = {.half_open = 6, .slow = 6};
  EXPECT_EQ(plan_shards(settings, limits, 0), 2U);
  settings.unkind = {.half_open = 5, .slow = 7};
  EXPECT_EQ(plan_shards(settings, limits, 0), 3U) << "3 + 3 + 4 are ten";
  settings.shards = 2;
  EXPECT_FALSE(plan_shards(settings, limits, 0));
  limits.descriptors = os::reserved_descriptors + 2;
  settings.shards.reset();
  EXPECT_FALSE(plan_shards(settings, limits, 0)) << "no number of shards has one of each";
}

TEST(PlanShards, NamesThePortsThatWaitAfterTheirEnd) {
  MachineLimits limits = roomy;
  EXPECT_TRUE(plan_shards(settings_with_lives(), limits, 0));
  limits.time_wait_reuse = 0;
  const auto planned = plan_shards(settings_with_lives(), limits, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("--lifetime exp:10s: of 10000 connections 1000 end each "
                                         "second"));
  EXPECT_THAT(planned.error(), HasSubstr("TIME_WAIT for 60 s, so that 70000 ports are needed"));
  EXPECT_THAT(planned.error(), HasSubstr("net.ipv4.tcp_tw_reuse=1"));
  EXPECT_TRUE(plan_shards(settings_with_lives(), limits, 3)) << "the remedy works";
  limits.time_wait_reuse = 1;
  EXPECT_TRUE(plan_shards(settings_with_lives(), limits, 0)) << "so does the other";
}

TEST(PlanShards, NamesTheLimitOnEpollWatches) {
  MachineLimits limits = roomy;
  limits.epoll_watches = 999;
  const auto planned = plan_shards(settings_for(1'000), limits, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("fs.epoll.max_user_watches is 999"));
  limits.epoll_watches = 1'000;
  EXPECT_TRUE(plan_shards(settings_for(1'000), limits, 0));
}

TEST(PlanShards, NamesTheLimitOnFiles) {
  MachineLimits limits = roomy;
  limits.files_left = 999;
  const auto planned = plan_shards(settings_for(1'000), limits, 0);
  ASSERT_FALSE(planned);
  EXPECT_THAT(planned.error(), HasSubstr("fs.file-max leaves room for 999"));
}

TEST(MachineLimits, AreReadFromThisMachine) {
  const auto limits = read_machine_limits();
  ASSERT_TRUE(limits) << os::describe(limits.error());
  EXPECT_GT(limits->descriptors, 0U);
  EXPECT_GT(limits->ports, 0U);
}

}  // namespace
}  // namespace c1m::loadgen
