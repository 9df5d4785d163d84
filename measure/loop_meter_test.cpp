// On a clock that the test moves: waits that end late, turns that last long, and what is neither.
#include "measure/loop_meter.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

constexpr os::Nanoseconds tick_ns = os::ns_per_ms;

class LoopMeterTest : public testing::Test {
 protected:
  // A wait of so long, and then a turn.
  void loop(os::Nanoseconds wait_ns, os::Nanoseconds turn_ns) {
    meter_.wait_begins();
    clock_.advance(wait_ns);
    meter_.wait_ends();
    clock_.advance(turn_ns);
  }
  [[nodiscard]] std::vector<Stall> stalls() {
    meter_.wait_begins();
    return pauses_->stalls.kept();
  }
  static std::uint64_t count_of(const LiveHistogram& histogram) {
    LiveCounts counts;
    histogram.add_to(counts);
    return counts.total();
  }

  std::unique_ptr<LoopPauses> pauses_ = std::make_unique<LoopPauses>();
  os::ManualClock clock_{os::ns_per_s};
  LoopMeter meter_{pauses_.get(), tick_ns, clock_};
};

TEST_F(LoopMeterTest, ALoopThatGetsOnHasNoStall) {
  for (int turn = 0; turn < 100; ++turn) loop(tick_ns, tick_ns / 2);
  for (int turn = 0; turn < 100; ++turn) loop(tick_ns / 10, tick_ns / 10);
  EXPECT_TRUE(stalls().empty());
  EXPECT_EQ(count_of(pauses_->turn_ns), 200U);
  EXPECT_EQ(count_of(pauses_->delay_ns), 100U) << "waits that an event ended are not late";
}

TEST_F(LoopMeterTest, AWaitThatEndsLateIsAStallSinceItWasDue) {
  loop(tick_ns, 0);
  const os::Nanoseconds due_ns = clock_.now_ns() + tick_ns;
  loop(tick_ns + 300 * os::ns_per_ms, os::ns_per_us);
  const auto found = stalls();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].begin_ns, due_ns);
  EXPECT_EQ(found[0].end_ns, due_ns + 300 * os::ns_per_ms + os::ns_per_us);
  EXPECT_EQ(found[0].amount_ns, 300 * os::ns_per_ms + os::ns_per_us);
}

TEST_F(LoopMeterTest, ALongTurnIsAStallSinceItBegan) {
  loop(tick_ns / 2, 0);
  const os::Nanoseconds begin_ns = clock_.now_ns() + tick_ns / 2;
  loop(tick_ns / 2, 40 * os::ns_per_ms);
  const auto found = stalls();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].begin_ns, begin_ns);
  EXPECT_EQ(found[0].amount_ns, 40 * os::ns_per_ms);
}

TEST_F(LoopMeterTest, UsageIsOfThisThread) {
  loop(tick_ns, 0);
  loop(3 * tick_ns, 0);
  const auto found = stalls();
  ASSERT_EQ(found.size(), 1U);
  ASSERT_TRUE(found[0].has_usage);
  EXPECT_GE(found[0].usage.cpu_ns, 0);
  EXPECT_EQ(found[0].usage.page_faults_major, 0U);
}

TEST_F(LoopMeterTest, WaitsAreBoundedOnlyWhenItIsOn) {
  EXPECT_EQ(meter_.bounded(-1), tick_ns);
  EXPECT_EQ(meter_.bounded(tick_ns / 2), tick_ns / 2);
  EXPECT_EQ(meter_.bounded(5 * tick_ns), tick_ns);
  LoopMeter off(nullptr, tick_ns, clock_);
  EXPECT_EQ(off.bounded(-1), -1);
  off.wait_begins();  // nothing to write to
  off.wait_ends();
}

}  // namespace
}  // namespace c1m::measure
