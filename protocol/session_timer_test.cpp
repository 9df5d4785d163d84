// The timer's stages on a clock of the test's own, also across the clock's wrap.
#include "protocol/session_timer.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace c1m::protocol {
namespace {

using Due = SessionTimer::Due;

constexpr TimeLimits limits{
    .handshake_ms = 100, .ping_interval_ms = 30, .pong_ms = 5, .idle_ms = 0, .close_ms = 7};

class Timer : public testing::TestWithParam<Milliseconds> {
 protected:
  Timer() { timer.begin(limits, start); }
  Due expire(Milliseconds at) { return timer.expire(limits, start + at); }
  [[nodiscard]] std::optional<Milliseconds> deadline() const {
    const auto time = timer.deadline(limits);
    return time ? std::optional(*time - start) : std::nullopt;
  }

  Milliseconds start = GetParam();
  SessionTimer timer;
};

TEST_P(Timer, EndsAHandshakeThatIsTooSlow) {
  EXPECT_EQ(deadline(), 100U);
  timer.hear();
  EXPECT_EQ(expire(99), Due::nothing);
  EXPECT_EQ(expire(100), Due::end);
}

TEST_P(Timer, PingsEachIntervalWhenItIsAnswered) {
  timer.open(limits, start);
  for (Milliseconds at = 30; at < 200; at += 30) {
    EXPECT_EQ(expire(at - 1), Due::nothing);
    EXPECT_EQ(expire(at), Due::ping);
    EXPECT_EQ(deadline(), at + 5);
    timer.hear();
    EXPECT_EQ(expire(at + 5), Due::nothing);
    EXPECT_EQ(deadline(), at + 30);
  }
}

TEST_P(Timer, ClosesAfterTwoMissesInARow) {
  timer.open(limits, start);
  EXPECT_EQ(expire(30), Due::ping);
  EXPECT_EQ(expire(35), Due::nothing) << "one miss";
  EXPECT_EQ(expire(60), Due::ping);
  timer.hear();
  EXPECT_EQ(expire(65), Due::nothing);
  EXPECT_EQ(expire(90), Due::ping);
  EXPECT_EQ(expire(95), Due::nothing) << "again the first";
  EXPECT_EQ(expire(120), Due::ping);
  EXPECT_EQ(expire(124), Due::nothing);
  EXPECT_EQ(expire(125), Due::silence);
}

TEST_P(Timer, BytesBeforeThePingAreNoAnswer) {
  timer.open(limits, start);
  timer.hear();
  EXPECT_EQ(expire(30), Due::ping);
  EXPECT_EQ(expire(35), Due::nothing);
  timer.hear();  // too late for the first
  EXPECT_EQ(expire(60), Due::ping);
  EXPECT_EQ(expire(65), Due::silence);
}

TEST_P(Timer, GivesUpOnAPeerThatDoesNotClose) {
  timer.open(limits, start);
  timer.begin_close(limits, start + 10);
  EXPECT_EQ(deadline(), 17U);
  EXPECT_EQ(expire(16), Due::nothing);
  EXPECT_EQ(expire(17), Due::end);
}

TEST_P(Timer, OnlyMessagesEndIdleness) {
  TimeLimits idle = limits;
  idle.idle_ms = 20;
  timer.open(idle, start);
  timer.hear();
  timer.take_message(start + 8);
  EXPECT_EQ(*timer.deadline(idle) - start, 28U);
  EXPECT_EQ(timer.expire(idle, start + 27), Due::nothing);
  EXPECT_EQ(timer.expire(idle, start + 28), Due::idleness);
}

TEST_P(Timer, WithoutPingsAndIdlenessNothingIsEverDue) {
  TimeLimits off = limits;
  off.ping_interval_ms = 0;
  timer.open(off, start);
  EXPECT_FALSE(timer.deadline(off));
  EXPECT_EQ(timer.expire(off, start + 1'000'000), Due::nothing);
  off.idle_ms = 50;
  EXPECT_EQ(*timer.deadline(off) - start, 50U);
}

INSTANTIATE_TEST_SUITE_P(Starts, Timer,
                         testing::Values(0U, std::numeric_limits<Milliseconds>::max() - 40));

}  // namespace
}  // namespace c1m::protocol
