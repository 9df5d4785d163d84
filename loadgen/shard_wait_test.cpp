// Ends with events, with what is due and never before.
#include "loadgen/shard_wait.hpp"

#include <cstdint>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "measure/live_histogram.hpp"
#include "measure/loop_meter.hpp"
#include "os/clock.hpp"
#include "os/wake_event.hpp"

namespace c1m::loadgen {
namespace {

using os::monotonic_ns;
using os::Nanoseconds;
using os::ns_per_ms;

constexpr Nanoseconds never_ns = INT64_MAX;
constexpr Nanoseconds far_ns = 3'000 * os::ns_per_s;
constexpr std::uint64_t event_tag = 7;

TEST(WaitLength, IsUntilTheFirstOfBoth) {
  EXPECT_EQ(wait_length_ns({}, 1'500, 1'700, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, 1'700, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, never_ns, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns({}, 1'500, never_ns, 1'000), 500);
}

TEST(WaitLength, IsNothingWhenEitherIsDue) {
  for (const Nanoseconds due_ns : {0, 999, 1'000}) {
    EXPECT_EQ(wait_length_ns({}, due_ns, never_ns, 1'000), 0) << due_ns;
    EXPECT_EQ(wait_length_ns({.slack_ns = 50}, due_ns, never_ns, 1'000), 0) << due_ns;
    EXPECT_EQ(wait_length_ns({.slack_ns = 50}, never_ns, due_ns, 1'000), 0) << due_ns;
  }
}

TEST(WaitLength, SlackIsForRequestsAlone) {
  constexpr SendPrecision slack{.slack_ns = 300};
  EXPECT_EQ(wait_length_ns(slack, 1'500, never_ns, 1'000), 800);
  EXPECT_EQ(wait_length_ns(slack, never_ns, 1'500, 1'000), 500);
  EXPECT_EQ(wait_length_ns(slack, 1'500, 1'600, 1'000), 600);
}

TEST(WaitLength, SpinningBeginsSoLongBeforeEither) {
  constexpr SendPrecision spin{.spin_ns = 200};
  EXPECT_EQ(wait_length_ns(spin, 1'500, never_ns, 1'000), 300);
  EXPECT_EQ(wait_length_ns(spin, never_ns, 1'500, 1'000), 300);
  EXPECT_EQ(wait_length_ns(spin, 1'200, never_ns, 1'000), 0);
}

TEST(WaitLength, IsASecondAtMost) {
  EXPECT_EQ(wait_length_ns({}, never_ns, never_ns, 1'000), os::ns_per_s);
  EXPECT_EQ(wait_length_ns({.slack_ns = far_ns}, 1'500, never_ns, 1'000), os::ns_per_s);
  EXPECT_EQ(wait_length_ns({.spin_ns = 200}, never_ns, never_ns, 1'000), os::ns_per_s);
}

// The wait's clock stands still until it is told otherwise, so that nothing depends on the pace of
// the machine: what is not due yet stays so.
class ShardWaitTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(poller_.add(event_.descriptor(), EPOLLIN | EPOLLET, event_tag));
  }

  ShardWait make(SendPrecision precision, measure::LoopPauses* pauses = nullptr) {
    meter_.emplace(pauses, ns_per_ms);
    return std::move(*ShardWait::create(clock_, poller_, *meter_, precision));
  }

  os::ManualClock clock_{monotonic_ns()};
  os::Poller poller_ = std::move(*os::Poller::create());
  os::WakeEvent event_ = std::move(*os::WakeEvent::create());
  std::optional<measure::LoopMeter> meter_;
};

TEST_F(ShardWaitTest, LastsUntilARequestIsDue) {
  ShardWait wait = make({});
  const Nanoseconds due_ns = clock_.now_ns() + 3 * ns_per_ms;
  EXPECT_TRUE(wait.until(due_ns, never_ns).empty());
  EXPECT_GE(monotonic_ns(), due_ns);
}

TEST_F(ShardWaitTest, AnEventEndsItAndTheNextOneStillEndsWhenItIsDue) {
  ShardWait wait = make({});
  const Nanoseconds due_ns = clock_.now_ns() + 20 * ns_per_ms;
  event_.signal();
  const auto events = wait.until(due_ns, never_ns);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::uint64_t{events[0].data.u64}, event_tag);
  EXPECT_TRUE(wait.until(due_ns, never_ns).empty());
  EXPECT_GE(monotonic_ns(), due_ns);
}

TEST_F(ShardWaitTest, OnlyLooksWhenEitherIsDue) {
  ShardWait wait = make({.spin_ns = 0, .slack_ns = far_ns});
  const Nanoseconds now_ns = clock_.now_ns();
  EXPECT_TRUE(wait.until(now_ns, never_ns).empty());
  EXPECT_TRUE(wait.until(never_ns, 0).empty());
  event_.signal();
  EXPECT_EQ(wait.until(now_ns, never_ns).size(), 1U);
  EXPECT_EQ(clock_.now_ns(), now_ns);
}

TEST_F(ShardWaitTest, AMeterThatIsOnSeesEachTick) {
  const auto pauses = std::make_unique<measure::LoopPauses>();
  ShardWait wait = make({}, pauses.get());
  for (int tick = 0; tick < 3; ++tick)
    EXPECT_TRUE(wait.until(clock_.now_ns() + far_ns, never_ns).empty());
  measure::LiveCounts delays;
  pauses->delay_ns.add_to(delays);
  EXPECT_EQ(delays.total(), 3U) << "each lasted the tick that it had promised";
  EXPECT_LT(delays.percentile_ns(50), os::ns_per_s / 2) << "and not the second of other waits";
}

}  // namespace
}  // namespace c1m::loadgen
