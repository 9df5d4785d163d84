// What the kernel gives differs from call to call.
#include "os/entropy.hpp"

#include <set>

#include <gtest/gtest.h>

namespace c1m::os {
namespace {

TEST(Entropy, GivesOtherBitsEachTime) {
  std::set<std::uint64_t> seen;
  for (int count = 0; count < 100; ++count) seen.insert(random_bits().value());
  EXPECT_EQ(seen.size(), 100U);
}

}  // namespace
}  // namespace c1m::os
