// Every session is seen once a period, however many there are, in slices of a bounded size.
#include "servers/app/session_sweep.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace c1m::servers::app {
namespace {

constexpr os::Nanoseconds period_ns = 1'000'000;

// How often each entry was seen until the first one's turn came again, and how long that took.
struct Round {
  std::vector<int> seen;
  os::Nanoseconds took_ns = 0;
};

Round go_round(std::size_t size) {
  SessionSweep sweep(period_ns);
  Round round{.seen = std::vector<int>(size), .took_ns = 0};
  os::Nanoseconds now_ns = 0;
  while (true) {
    const auto slice = sweep.due(size, now_ns);
    if (slice.begin == 0 && now_ns > 0) break;
    EXPECT_LE(slice.end - slice.begin, SessionSweep::slice_max);
    for (std::size_t i = slice.begin; i < slice.end; ++i) ++round.seen[i];
    now_ns += sweep.wait_ns(now_ns);
  }
  round.took_ns = now_ns;
  return round;
}

TEST(SessionSweep, SeesEachSessionOnceAPeriod) {
  for (const std::size_t size : {1UZ, 4'096UZ, 4'097UZ, 100'000UZ}) {
    const Round round = go_round(size);
    EXPECT_EQ(round.seen, std::vector<int>(size, 1)) << size;
    EXPECT_NEAR(static_cast<double>(round.took_ns), static_cast<double>(period_ns), 100) << size;
  }
}

TEST(SessionSweep, WaitsOutThePeriodOfAnEmptyTable) {
  SessionSweep sweep(period_ns);
  EXPECT_EQ(sweep.due(0, 5).end, 0U);
  EXPECT_EQ(sweep.wait_ns(5), period_ns);
  EXPECT_EQ(sweep.due(10, 6).end, 0U) << "not yet";
  EXPECT_EQ(sweep.due(10, 5 + period_ns).end, 10U);
}

TEST(SessionSweep, GoesOnInATableThatShrinks) {
  SessionSweep sweep(period_ns);
  (void)sweep.due(10'000, 0);
  const auto slice = sweep.due(100, period_ns);
  EXPECT_EQ(slice.begin, 0U);
  EXPECT_EQ(slice.end, 100U);
}

TEST(SessionSweep, IsOftenEnoughForTheShortestLimit) {
  protocol::TimeLimits limits;
  SessionSweep sweep(limits);
  (void)sweep.due(1, 0);
  EXPECT_EQ(sweep.wait_ns(0), 625 * os::ns_per_ms) << "an eighth of the pong's 5 s";
  limits.ping_interval_ms = limits.pong_ms = 80;
  SessionSweep faster(limits);
  (void)faster.due(1, 0);
  EXPECT_EQ(faster.wait_ns(0), 10 * os::ns_per_ms);
}

}  // namespace
}  // namespace c1m::servers::app
