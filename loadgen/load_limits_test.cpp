// Each limit is found, named with its value, and its remedy is one that works.
#include "loadgen/load_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
