// Ends with events, with what is due and never before; one timer serves many waits.
#include "loadgen/shard_wait.hpp"

#include <gtest/gtest.h>

#include "os/clock.hpp"
#include "os/wake_event.hpp"

namespace c1m::loadgen {
namespace {

using os::monotonic_ns;
using os::Nanoseconds;
using os::ns_per_ms;

constexpr Nanoseconds far_ns = 3'000 * os::ns_per_s;

class ShardWaitTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(poller_.add(event_.descriptor(), EPOLLIN | EPOLLET, 7)); }

  ShardWait make(SendPrecision precision) {
    return std::move(*ShardWait::create(poller_, meter_, precision));
  }

  os::Poller poller_ = std::move(*os::Poller::create());
  os::WakeEvent event_ = std::move(*os::WakeEvent::create());
  measure::LoopMeter meter_{nullptr, ns_per_ms};
};

TEST_F(ShardWaitTest, LastsUntilSomethingIsDue) {
  ShardWait wait = make({});
  const Nanoseconds due_ns = monotonic_ns() + 3 * ns_per_ms;
  const auto events = wait.until(due_ns, monotonic_ns());
  EXPECT_GE(monotonic_ns(), due_ns);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::uint64_t{events[0].data.u64}, ShardWait::timer_tag);
}

TEST_F(ShardWaitTest, AnEventEndsItAndTheTimerStaysForTheNextOne) {
  ShardWait wait = make({});
  const Nanoseconds due_ns = monotonic_ns() + 3 * ns_per_ms;
  event_.signal();
  const auto events = wait.until(due_ns, monotonic_ns());
  ASSERT_GE(events.size(), 1U);
  EXPECT_EQ(std::uint64_t{events[0].data.u64}, 7U);
  while (monotonic_ns() < due_ns) static_cast<void>(wait.until(due_ns, monotonic_ns()));
}

TEST_F(ShardWaitTest, OnlyLooksWhenItIsDue) {
  ShardWait wait = make({.spin_ns = 0, .slack_ns = far_ns});
  const Nanoseconds now_ns = monotonic_ns();
  EXPECT_TRUE(wait.until(now_ns, now_ns).empty());
  EXPECT_TRUE(wait.until(0, now_ns).empty());
  event_.signal();
  EXPECT_EQ(wait.until(now_ns, now_ns).size(), 1U);
}

TEST_F(ShardWaitTest, LooksInsteadOfSleepingSoLongBefore) {
  ShardWait wait = make({.spin_ns = far_ns});
  const Nanoseconds now_ns = monotonic_ns();
  EXPECT_TRUE(wait.until(now_ns + far_ns, now_ns).empty());
}

TEST_F(ShardWaitTest, SleepsOnForWhatFallsDueWithinTheSlack) {
  constexpr Nanoseconds slack_ns = 20 * ns_per_ms;
  ShardWait wait = make({.spin_ns = 0, .slack_ns = slack_ns});
  const Nanoseconds due_ns = monotonic_ns() + ns_per_ms;
  static_cast<void>(wait.until(due_ns, monotonic_ns()));
  EXPECT_GE(monotonic_ns(), due_ns + slack_ns);
}

TEST_F(ShardWaitTest, ALongOneEndsAfterASecond) {
  ShardWait wait = make({});
  const Nanoseconds begin_ns = monotonic_ns();
  static_cast<void>(wait.until(begin_ns + far_ns, begin_ns));
  EXPECT_GE(monotonic_ns(), begin_ns + os::ns_per_s);
}

}  // namespace
}  // namespace c1m::loadgen
