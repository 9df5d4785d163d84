// How many shards, where they listen and on which CPUs; and which limit is named when it cannot be.
#include "servers/app/server_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/exit_code.hpp"

namespace c1m::servers::app {
namespace {

using testing::HasSubstr;

constexpr Backend loops{.name = "floor", .program = "c1m-floor", .summary = ""};
constexpr Backend threads{
    .name = "threads", .program = "c1m-threads", .summary = "", .thread_per_connection = true};

// 1,000 connections a shard, and four CPUs.
MachineLimits small_machine() {
  MachineLimits limits;
  limits.descriptors = 1'064;
  limits.cpus = {0, 1, 2, 3};
  return limits;
}

ServerOptions options_for(std::uint64_t connections, std::optional<std::uint32_t> shards) {
  ServerOptions options;
  options.listen_text = "127.0.0.1:7000";
  options.listen = os::Endpoint::ipv4(0x7f000001, 7000);
  options.connections = connections;
  options.shards = shards;
  return options;
}

TEST(PlanShards, GivesShardIThePortPlusI) {
  const auto plans = plan_shards(loops, options_for(2'500, 3), small_machine());
  ASSERT_TRUE(plans) << plans.error().text;
  ASSERT_EQ(plans->size(), 3U);
  for (unsigned index = 0; index < 3; ++index) {
    EXPECT_EQ((*plans)[index].index, index);
    EXPECT_EQ((*plans)[index].endpoint.port(), 7000 + index);
    EXPECT_EQ((*plans)[index].connections, 834U);
    EXPECT_FALSE((*plans)[index].cpus);
  }
}

TEST(PlanShards, GivesEachItsShareOfTheMemoryAboveWhichItFreezes) {
  ServerOptions options = options_for(2'500, 3);
  options.freeze = {
      .idle_ns = os::ns_per_s, .when = FreezeChoice::above, .above_bytes = 3ULL << 30};
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_TRUE(plans) << plans.error().text;
  for (const ShardPlan& plan : *plans) EXPECT_EQ(plan.freeze_above_bytes, 1ULL << 30);
  options.freeze.above_bytes = 3ULL << 20;
  EXPECT_TRUE(plan_shards(loops, options, small_machine()));
  --options.freeze.above_bytes;
  const auto refused = plan_shards(loops, options, small_machine());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("--freeze-when: each of 3 shards"), std::string::npos);
}

TEST(PlanShards, LeavesEveryPortToTheKernelWhenItIsZero) {
  ServerOptions options = options_for(10, 3);
  options.listen = options.listen.with_port(0);
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_TRUE(plans);
  for (const ShardPlan& plan : *plans) EXPECT_EQ(plan.endpoint.port(), 0);
}

TEST(PlanShards, AutoTakesTheFewestThatHoldTheConnections) {
  EXPECT_EQ(plan_shards(loops, options_for(1'000, std::nullopt), small_machine())->size(), 1U);
  EXPECT_EQ(plan_shards(loops, options_for(1'001, std::nullopt), small_machine())->size(), 2U);
  EXPECT_EQ(plan_shards(loops, options_for(10'000, std::nullopt), small_machine())->size(), 10U);
}

TEST(PlanShards, NamesTheDescriptorLimitItsValueAndTheRemedy) {
  const auto plans = plan_shards(loops, options_for(2'500, 2), small_machine());
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().exit_code, os::exit_machine_limit);
  EXPECT_THAT(plans.error().text,
              HasSubstr("--connections 2500: RLIMIT_NOFILE is 1064 descriptors a process"));
  EXPECT_THAT(plans.error().text, HasSubstr("allows 2000 connections"));
  EXPECT_THAT(plans.error().text, HasSubstr("--shards 3 or --shards auto"));
}

TEST(PlanShards, RefusesALimitBelowTheReserve) {
  MachineLimits limits = small_machine();
  limits.descriptors = 60;
  const auto plans = plan_shards(loops, options_for(1, std::nullopt), limits);
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().exit_code, os::exit_machine_limit);
}

TEST(PlanShards, CountsTheMappingsOfThreadStacks) {
  MachineLimits limits = small_machine();
  limits.mappings = 512 + 2 * 500;
  EXPECT_EQ(plan_shards(threads, options_for(1'000, std::nullopt), limits)->size(), 2U);
  EXPECT_EQ(plan_shards(loops, options_for(1'000, std::nullopt), limits)->size(), 1U);
  const auto refused = plan_shards(threads, options_for(1'000, 1), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code, os::exit_machine_limit);
  EXPECT_THAT(refused.error().text, HasSubstr("vm.max_map_count is 1512"));
}

TEST(PlanShards, MoreShardsDoNotHelpAgainstTheMachinesThreads) {
  MachineLimits limits = small_machine();
  limits.threads = 100'000;
  limits.pids = 1'024 + 5'000;
  EXPECT_TRUE(plan_shards(threads, options_for(5'000, std::nullopt), limits));
  const auto refused = plan_shards(threads, options_for(5'001, std::nullopt), limits);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code, os::exit_machine_limit);
  EXPECT_THAT(refused.error().text, HasSubstr("kernel.pid_max is 6024"));
  EXPECT_THAT(refused.error().text, HasSubstr("sysctl -w kernel.pid_max="));
  EXPECT_TRUE(plan_shards(loops, options_for(5'001, std::nullopt), limits));
}

TEST(PlanShards, RefusesPortsAboveTheLast) {
  ServerOptions options = options_for(10, 3);
  options.listen = options.listen.with_port(65'533);
  EXPECT_TRUE(plan_shards(loops, options, small_machine()));
  options.listen = options.listen.with_port(65'534);
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().exit_code, os::exit_wrong_usage);
  EXPECT_THAT(plans.error().text, HasSubstr("65534 to 65536"));
}

TEST(PlanShards, DividesCpusAmongShards) {
  ServerOptions options = options_for(10, 2);
  options.cpus = os::CpuSet{0, 1, 3};
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_TRUE(plans);
  EXPECT_EQ((*plans)[0].cpus, (os::CpuSet{0}));
  EXPECT_EQ((*plans)[1].cpus, (os::CpuSet{1, 3}));
}

TEST(PlanShards, SharesCpusInTurnWhenThereAreFewer) {
  ServerOptions options = options_for(10, 5);
  options.cpus = os::CpuSet{2, 3};
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_TRUE(plans);
  for (unsigned index = 0; index < 5; ++index) {
    EXPECT_EQ((*plans)[index].cpus, (os::CpuSet{2 + static_cast<int>(index % 2)}));
  }
}

TEST(PlanShards, RefusesACpuThatThisProcessMayNotUse) {
  ServerOptions options = options_for(10, 1);
  options.cpus = os::CpuSet{1, 4};
  const auto plans = plan_shards(loops, options, small_machine());
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().exit_code, os::exit_wrong_usage);
  EXPECT_THAT(plans.error().text, HasSubstr("CPU 4 is not one that this process may use (0-3)"));
}

TEST(ClaimMachineLimits, ReadsThisMachine) {
  const auto limits = claim_machine_limits();
  ASSERT_TRUE(limits);
  EXPECT_GT(limits->descriptors, 0U);
  EXPECT_FALSE(limits->cpus.empty());
  EXPECT_GT(limits->mappings, 0U);
  EXPECT_GT(limits->threads, 0U);
  EXPECT_GT(limits->pids, 0U);
}

}  // namespace
}  // namespace c1m::servers::app
