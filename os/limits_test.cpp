// Descriptor limits: reading and raising them, and how many shards they ask for.
#include "os/limits.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/address_space.hpp"
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

TEST(MappingLimit, CountsTheMappingsThatThereAre) {
  const auto before = mapping_limit();
  ASSERT_TRUE(before) << describe(before.error());
  EXPECT_GT(before->max, before->present);
  // Every other page with other rights, so that no two are one mapping.
  const auto space = AddressSpace::reserve(200 * page_bytes());
  ASSERT_TRUE(space);
  for (std::size_t page = 0; page < 200; page += 2) {
    std::byte* const guard = space->data() + page * page_bytes();
    ASSERT_TRUE(install_guard(guard, page_bytes(), GuardKind::mapping));
  }
  EXPECT_GE(mapping_limit()->present, before->present + 199);
}

TEST(MappingLimit, KeepsAReserve) {
  const MappingLimit usual{.max = 65'530, .present = 100};
  EXPECT_EQ(usual.reserve(), 4095U);
  EXPECT_EQ(usual.left(), 65'530U - 100 - 4095);
  const MappingLimit small{.max = 1000, .present = 100};
  EXPECT_EQ(small.left(), 388U);
  const MappingLimit spent{.max = 1000, .present = 600};
  EXPECT_EQ(spent.left(), 0U);
}

TEST(MappingLimit, TheTextNamesTheLimitItsValueAndTheRemedy) {
  const std::string text = mappings_used_up({.max = 65'530, .present = 1});
  EXPECT_THAT(text,
              testing::HasSubstr("vm.max_map_count allows 65530 mappings, of which 4095 are"));
  EXPECT_THAT(text, testing::HasSubstr("sysctl -w vm.max_map_count=262120"));
  EXPECT_THAT(mappings_used_up({.max = 1000, .present = 1}), testing::HasSubstr("allows 1000"));
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
