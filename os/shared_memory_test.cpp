// Shared memory: what a child writes, its parent reads; the mapping ends with its owner.
#include "os/shared_memory.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "os/process.hpp"

namespace c1m::os {
namespace {

using Counter = std::atomic<std::uint64_t>;

TEST(SharedArray, IsZeroAtFirstAndSeenByBothProcesses) {
  auto counters = SharedArray<Counter>::create(3);
  ASSERT_TRUE(counters) << describe(counters.error());
  ASSERT_EQ(counters->size(), 3U);
  for (std::size_t i = 0; i < counters->size(); ++i) EXPECT_EQ((*counters)[i].load(), 0U);
  auto child = fork_child([&] {
    (*counters)[1].fetch_add(42);
    return 0;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait());
  EXPECT_EQ((*counters)[0].load(), 0U);
  EXPECT_EQ((*counters)[1].load(), 42U);
}

TEST(SharedArray, MovesWithItsContent) {
  auto made = SharedArray<Counter>::create(1);
  ASSERT_TRUE(made);
  (*made)[0] = 7;
  SharedArray<Counter> moved(std::move(*made));
  EXPECT_EQ(moved[0].load(), 7U);
  auto other = SharedArray<Counter>::create(2);
  ASSERT_TRUE(other);
  *other = std::move(moved);
  ASSERT_EQ(other->size(), 1U);
  EXPECT_EQ((*other)[0].load(), 7U);
}

TEST(SharedArray, TooLargeIsAnError) {
  const auto array = SharedArray<Counter>::create(std::size_t{1} << 56U);
  ASSERT_FALSE(array);
  EXPECT_EQ(array.error().code, ENOMEM);
}

}  // namespace
}  // namespace c1m::os
