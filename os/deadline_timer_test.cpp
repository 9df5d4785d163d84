// Never too late for the deadline, never set without need, and an edge each time without a read.
#include "os/deadline_timer.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "os/poller.hpp"
#include "os/timer_fixture.hpp"

namespace c1m::os {
namespace {

class DeadlineTimerTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(poller_.add(timer_.descriptor(), EPOLLIN | EPOLLET, 42)); }

  [[nodiscard]] Nanoseconds left_ns() const { return timer_left_ns(timer_.descriptor()); }

  std::array<epoll_event, 4> events_{};
  Poller poller_ = std::move(*Poller::create());
  DeadlineTimer timer_ = std::move(*DeadlineTimer::create());
};

TEST_F(DeadlineTimerTest, EachDeadlineIsOneEdgeAndNotBefore) {
  for (int round = 0; round < 3; ++round) {
    const Nanoseconds now_ns = monotonic_ns();
    const Nanoseconds deadline_ns = now_ns + 2 * ns_per_ms;
    timer_.set(deadline_ns, now_ns);
    ASSERT_EQ(poller_.wait(events_, -1), 1);
    EXPECT_GE(monotonic_ns(), deadline_ns);
    EXPECT_EQ(std::uint64_t{events_[0].data.u64}, 42U);
    EXPECT_EQ(poller_.wait(events_, 0), 0) << "one edge, although nobody has read";
  }
}

TEST_F(DeadlineTimerTest, APassedDeadlineIsAnEdgeAtOnce) {
  const Nanoseconds now_ns = monotonic_ns();
  for (const Nanoseconds deadline_ns : {now_ns - 1, Nanoseconds{0}}) {
    timer_.set(deadline_ns, now_ns);
    EXPECT_EQ(poller_.wait(events_, -1), 1) << deadline_ns;
  }
}

TEST_F(DeadlineTimerTest, AnEarlierOneThatRunsIsLeft) {
  const Nanoseconds now_ns = monotonic_ns();
  timer_.set(now_ns + 1'000 * ns_per_s, now_ns);
  timer_.set(now_ns + 3'000 * ns_per_s, now_ns);
  EXPECT_LE(left_ns(), 1'000 * ns_per_s);
  EXPECT_GT(left_ns(), 0);
}

TEST_F(DeadlineTimerTest, ALaterOneThatRunsIsBroughtForward) {
  const Nanoseconds now_ns = monotonic_ns();
  timer_.set(now_ns + 3'000 * ns_per_s, now_ns);
  timer_.set(now_ns + 1'000 * ns_per_s, now_ns);
  EXPECT_LE(left_ns(), 1'000 * ns_per_s);
}

// Its edge may not have been seen yet; what counts is that the next deadline has one.
TEST_F(DeadlineTimerTest, OneThatHasEndedIsSetAnew) {
  const Nanoseconds now_ns = monotonic_ns();
  timer_.set(now_ns + ns_per_ms, now_ns);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const Nanoseconds later_ns = monotonic_ns();
  timer_.set(later_ns + 2 * ns_per_ms, later_ns);
  ASSERT_EQ(poller_.wait(events_, -1), 1);
  EXPECT_GE(monotonic_ns(), later_ns + 2 * ns_per_ms);
}

}  // namespace
}  // namespace c1m::os
