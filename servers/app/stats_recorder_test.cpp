// A sample of real shards ends up in the file and on the board, a dead shard's included.
#include "servers/app/stats_recorder.hpp"

#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace c1m::servers::app {
namespace {

using testing::HasSubstr;

os::Result<void> count_and_sleep(ShardContext& context) {
  context.counters.front().count_read(64);
  while (true) ::pause();
}

constexpr Backend sleeper{
    .name = "test", .program = "c1m-test", .summary = "", .serve = count_and_sleep};

std::expected<ShardGroup, Refusal> start_two(int signals) {
  std::vector<ShardPlan> plans;
  plans.reserve(2);
  for (unsigned index = 0; index < 2; ++index) {
    plans.push_back({.index = index,
                     .endpoint = os::Endpoint::ipv4(0x7f000001, 0),
                     .cpus = {},
                     .connections = 1});
  }
  return ShardGroup::start(sleeper, {}, std::move(plans), signals);
}

TEST(StatsRecorder, RecordsLivingAndDeadShards) {
  const auto signals = os::signal_descriptor({SIGUSR1});
  ASSERT_TRUE(signals);
  auto group = start_two(signals->get());
  ASSERT_TRUE(group) << group.error().text;
  const std::string path = testing::TempDir() + "stats_recorder_test.jsonl";
  auto log = os::LineLog::create(path);
  ASSERT_TRUE(log);
  StatsBoard board;
  StatsRecorder recorder(*group, std::move(*log), board, {.poller = {}, .stacks = "compact"});

  ASSERT_TRUE(recorder.record(*group));
  const auto first = board.state().sample;
  ASSERT_TRUE(first);
  ASSERT_EQ(first->shards.size(), 2U);
  EXPECT_TRUE(first->shards[1].alive);
  EXPECT_EQ(first->shards[1].pid, group->shards()[1].process.pid());
  EXPECT_TRUE(first->shards[1].process.rss_bytes);

  ASSERT_TRUE(group->shards()[1].process.signal(SIGKILL));
  (void)group->reap(1);
  ASSERT_TRUE(recorder.record(*group));
  const auto second = board.state().sample;
  EXPECT_TRUE(second->shards[0].alive);
  EXPECT_FALSE(second->shards[1].alive);
  EXPECT_FALSE(second->shards[1].process.rss_bytes);
  EXPECT_EQ(second->shards[1].process.unavailable.at("rss_bytes"), "the process has ended");
  EXPECT_GT(second->monotonic_ns, first->monotonic_ns);

  const auto text = os::read_file(path);
  ASSERT_TRUE(text);
  EXPECT_EQ(std::ranges::count(*text, '\n'), 2);
  EXPECT_THAT(*text, HasSubstr("\"alive\":false"));
  EXPECT_THAT(*text, HasSubstr("\"stacks\":\"compact\""));
  ::unlink(path.c_str());
}

TEST(StatsRecorder, SaysWhenALineCannotBeWritten) {
  const auto signals = os::signal_descriptor({SIGUSR1});
  ASSERT_TRUE(signals);
  auto group = start_two(signals->get());
  ASSERT_TRUE(group);
  auto log = os::LineLog::create("/dev/full");
  ASSERT_TRUE(log);
  StatsBoard board;
  StatsRecorder recorder(*group, std::move(*log), board);
  const auto recorded = recorder.record(*group);
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, ENOSPC);
  EXPECT_TRUE(board.state().sample) << "the admin endpoint still has it";
}

}  // namespace
}  // namespace c1m::servers::app
