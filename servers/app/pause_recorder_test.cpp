// What a shard's meters leave becomes meters of the document; watched calls go to the right one.
#include "servers/app/pause_recorder.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "os/call_watch.hpp"

namespace c1m::servers::app {
namespace {

constexpr Backend coroutines{.name = "coro",
                             .program = "c1m-coro",
                             .summary = "Coroutines.",
                             .has_processors = true,
                             .has_coroutines = true,
                             .turns_unavailable = "why"};
constexpr Backend loops{
    .name = "uv", .program = "c1m-uv", .summary = "Loops.", .has_processors = true};

class PauseRecorderTest : public testing::Test {
 protected:
  ~PauseRecorderTest() override { os::watch_calls(nullptr); }

  std::vector<measure::LoopPauses> loops_ = std::vector<measure::LoopPauses>(2);
  std::unique_ptr<ShardPauses> shard_ = std::make_unique<ShardPauses>();
  PauseBoard board_{.loops = loops_, .shard = shard_.get(), .tick_ns = os::ns_per_ms};
};

TEST_F(PauseRecorderTest, EachWorkerHasAMeter) {
  const auto meters = meters_of_shard(loops, board_, 3);
  ASSERT_EQ(meters.size(), 4U);
  EXPECT_EQ(meters[0].kind, "loop");
  EXPECT_EQ(meters[0].shard, 3U);
  EXPECT_EQ(meters[1].worker, 1U);
  EXPECT_EQ(meters[2].kind, "memory_call");
  EXPECT_EQ(meters[3].kind, "lock_wait");
  EXPECT_TRUE(meters[0].histograms.contains("turn_us"));
  EXPECT_TRUE(meters[0].unavailable.contains("run_us"));
}

TEST_F(PauseRecorderTest, WhatABackendHasNotIsAbsentWithItsReason) {
  const auto meters = meters_of_shard(coroutines, board_, 0);
  EXPECT_FALSE(meters[0].histograms.contains("turn_us"));
  EXPECT_EQ(meters[0].unavailable.at("turn_us"), "why");
  EXPECT_TRUE(meters[0].histograms.contains("run_us"));
  EXPECT_FALSE(meters[1].histograms.contains("run_us")) << "of the shard, so it stands once";
}

TEST_F(PauseRecorderTest, CallsAreCountedAndLongOnesAreStalls) {
  record_calls(board_);
  const os::CallWatcher watcher = os::call_watcher;
  ASSERT_NE(watcher, nullptr);
  watcher(os::WatchedCall::memory, 1'000, 2'000);
  watcher(os::WatchedCall::memory, 5'000, 5'000 + 2 * os::ns_per_ms);
  watcher(os::WatchedCall::lock_wait, 7'000, 7'000 + 3 * os::ns_per_ms);
  const auto meters = meters_of_shard(loops, board_, 0);
  EXPECT_EQ(meters[2].histograms.at("took_us").count(), 2U);
  ASSERT_EQ(meters[2].stalls.size(), 1U);
  EXPECT_EQ(meters[2].stalls[0].begin_ns, 5'000);
  ASSERT_EQ(meters[3].stalls.size(), 1U);
  EXPECT_EQ(meters[3].stalls[0].amount_ns, 3 * os::ns_per_ms);
}

TEST_F(PauseRecorderTest, OffNobodyWatches) {
  record_calls(board_);
  record_calls({});
  EXPECT_EQ(os::call_watcher.load(), nullptr);
}

}  // namespace
}  // namespace c1m::servers::app
