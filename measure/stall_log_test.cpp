// Everything is counted, and what is kept are the longest, in order.
#include "measure/stall_log.hpp"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

Stall stall(os::Nanoseconds begin_ns, os::Nanoseconds amount_ns) {
  return {.begin_ns = begin_ns,
          .end_ns = begin_ns + amount_ns,
          .amount_ns = amount_ns,
          .has_usage = false,
          .usage = {}};
}

TEST(StallLog, KeepsAllWhileThereIsRoom) {
  const auto log = std::make_unique<StallLog>();
  log->add(stall(200, 5));
  log->add(stall(100, 7));
  const auto kept = log->kept();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].begin_ns, 100);
  EXPECT_EQ(kept[1].begin_ns, 200);
  EXPECT_EQ(log->total(), 2U);
}

TEST(StallLog, ALongOneTakesThePlaceOfTheShortest) {
  const auto log = std::make_unique<StallLog>();
  constexpr auto count = static_cast<os::Nanoseconds>(StallLog::kept_max);
  for (os::Nanoseconds at = 0; at < count; ++at) log->add(stall(at * 1000, 10 + at));
  log->add(stall(count * 1000, 9));  // shorter than all
  log->add(stall((count + 1) * 1000, 500'000));
  const auto kept = log->kept();
  ASSERT_EQ(kept.size(), StallLog::kept_max);
  EXPECT_EQ(log->total(), StallLog::kept_max + 2);
  EXPECT_EQ(kept.back().amount_ns, 500'000);
  EXPECT_EQ(kept.front().amount_ns, 11) << "the one of 10 had to go";
}

TEST(StallLog, KeepsTheLongestWhateverTheirOrder) {
  const auto log = std::make_unique<StallLog>();
  constexpr auto count = static_cast<os::Nanoseconds>(StallLog::kept_max);
  // Amounts 1 to 3 * count, each once, up and down: 7 has no divisor in common with their number.
  for (os::Nanoseconds at = 0; at < 3 * count; ++at) {
    log->add(stall(at * 1000, 1 + at * 7 % (3 * count)));
  }
  const auto kept = log->kept();
  ASSERT_EQ(kept.size(), StallLog::kept_max);
  EXPECT_EQ(std::ranges::min(kept, {}, &Stall::amount_ns).amount_ns, 2 * count + 1);
  EXPECT_TRUE(std::ranges::is_sorted(kept, {}, &Stall::begin_ns));
}

}  // namespace
}  // namespace c1m::measure
