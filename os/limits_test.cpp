// Descriptor limits: reading and raising them, and how many shards they ask for.
#include "os/limits.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <limits>

#include <gtest/gtest.h>

#include "os/process.hpp"

namespace c1m::os {
namespace {

TEST(DescriptorLimit, IsWhatTheKernelSays) {
  rlimit kernel{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &kernel), 0);
  const auto limit = descriptor_limit();
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->soft, kernel.rlim_cur);
  EXPECT_EQ(limit->hard, kernel.rlim_max);
}

// In a child, because the limit belongs to the whole process.
int lower_then_raise() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 10;
  limit.rlim_cur = 64;
  limit.rlim_max = 128;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 11;
  const auto raised = raise_descriptor_limit();
  if (!raised || *raised != 128) return 12;
  const auto now = descriptor_limit();
  if (!now || now->soft != 128 || now->hard != 128) return 13;
  const auto again = raise_descriptor_limit();
  return again && *again == 128 ? 0 : 14;
}

TEST(DescriptorLimit, RaisesTheSoftLimitToTheHardOne) {
  auto child = fork_child(lower_then_raise);
  ASSERT_TRUE(child);
  const auto status = child->wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->exit_code, 0) << "10-14 say which step failed";
  EXPECT_EQ(status->signal_number, 0);
}

TEST(ShardsNeeded, IsTheFewestThatHoldAllConnections) {
  EXPECT_EQ(shards_needed(0, 1000, 100), 1U);
  EXPECT_EQ(shards_needed(1, 1000, 100), 1U);
  EXPECT_EQ(shards_needed(900, 1000, 100), 1U);
  EXPECT_EQ(shards_needed(901, 1000, 100), 2U);
  EXPECT_EQ(shards_needed(1'000'000, 20'000, 64), 51U);
  EXPECT_EQ(shards_needed(5, 101, 100), 5U);
}

TEST(ShardsNeeded, FailsWhenTheLimitIsBelowTheReserve) {
  for (const std::uint64_t limit : {0U, 99U, 100U}) {
    const auto shards = shards_needed(1, limit, 100);
    ASSERT_FALSE(shards) << limit;
    EXPECT_EQ(shards.error().code, EINVAL);
  }
}

TEST(ShardsNeeded, AnUnlimitedProcessNeedsOne) {
  EXPECT_EQ(shards_needed(1'000'000, std::numeric_limits<std::uint64_t>::max(), 64), 1U);
}

}  // namespace
}  // namespace c1m::os
