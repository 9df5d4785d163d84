// Clocks: units, order, formatting, and the failure of asking for a process that is gone.
// Nothing here asserts how long something took.
#include "os/clock.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include "os/process.hpp"

namespace c1m::os {
namespace {

TEST(Clock, MonotonicNeverGoesBack) {
  Nanoseconds last = monotonic_ns();
  for (int i = 0; i < 10'000; ++i) {
    const Nanoseconds now = monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, MonotonicIsTheSteadyClock) {
  const auto steady_ns = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const Nanoseconds before = steady_ns();
  const Nanoseconds between = monotonic_ns();
  EXPECT_LE(before, between);
  EXPECT_LE(between, steady_ns());
}

TEST(Clock, CoarseMonotonicIsTheSameClockALittleLate) {
  const Nanoseconds tick_before = coarse_monotonic_ns();
  const Nanoseconds between = monotonic_ns();
  EXPECT_LE(tick_before, between);
  Nanoseconds later = coarse_monotonic_ns();
  while (later <= between) later = coarse_monotonic_ns();  // it reaches every time
  EXPECT_LE(later, monotonic_ns());
}

TEST(Clock, RealtimeCountsNanosecondsSinceTheEpoch) {
  // 2020-01-01 and 2200-01-01: a value in another unit or of another clock falls outside.
  EXPECT_GT(realtime_ns(), 1'577'836'800 * ns_per_s);
  EXPECT_LT(realtime_ns(), 7'258'118'400 * ns_per_s);
}

TEST(Clock, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(1'769'860'800 * ns_per_s + 123 * ns_per_ms), "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(format_utc(951'782'399 * ns_per_s + 999'999'999), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(format_utc(951'782'400 * ns_per_s), "2000-02-29T00:00:00.000Z") << "a leap day";
}

TEST(Clock, ProcessCpuTimeGrowsWithWork) {
  const auto before = process_cpu_ns(::getpid());
  ASSERT_TRUE(before);
  volatile std::uint64_t sink = 0;
  for (std::uint64_t i = 0; i < 2'000'000; ++i) sink = sink + i;
  const auto after = process_cpu_ns(::getpid());
  ASSERT_TRUE(after);
  EXPECT_GT(*after, *before);
}

TEST(Clock, ProcessCpuTimeOfAnEndedProcessIsAnError) {
  auto child = fork_child([] { return 0; });
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait());
  const auto cpu = process_cpu_ns(child->pid());
  ASSERT_FALSE(cpu);
  EXPECT_EQ(cpu.error().code, ESRCH);
}

TEST(Clock, ManualClockMovesOnlyWhenTold) {
  ManualClock clock(5);
  EXPECT_EQ(clock.now_ns(), 5);
  EXPECT_EQ(clock.now_ns(), 5);
  clock.advance(ns_per_s);
  EXPECT_EQ(clock.now_ns(), 5 + ns_per_s);
}

TEST(Clock, MonotonicClockReadsTheSystemClock) {
  const MonotonicClock clock;
  const Nanoseconds before = monotonic_ns();
  const Nanoseconds between = clock.now_ns();
  EXPECT_LE(before, between);
  EXPECT_LE(between, monotonic_ns());
}

}  // namespace
}  // namespace c1m::os
