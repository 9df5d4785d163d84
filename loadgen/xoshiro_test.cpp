// The generators give the published sequences, and their distributions stay in range.
#include "loadgen/xoshiro.hpp"

#include <array>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

TEST(Mix64, GivesThePublishedSequenceOfSplitmix64) {
  // The first three outputs of splitmix64 seeded with 0.
  constexpr std::uint64_t step = 0x9e3779b97f4a7c15U;
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);
  EXPECT_EQ(mix64(step), 0x6e789e6aa1b965f4U);
  EXPECT_EQ(mix64(2 * step), 0x06c45d188009454fU);
}

TEST(Xoshiro256, GivesThePublishedSequence) {
  // xoshiro256++ seeded with splitmix64(0), as the Rust crate rand_xoshiro has it in its tests.
  constexpr std::array<std::uint64_t, 4> expected{5987356902031041503U, 7051070477665621255U,
                                                  6633766593972829180U, 211316841551650330U};
  Xoshiro256 random(0);
  for (const std::uint64_t value : expected) EXPECT_EQ(random.next(), value);
}

TEST(Xoshiro256, UnitIsAboveZeroAndAtMostOne) {
  Xoshiro256 random(3);
  double sum = 0;
  constexpr int draws = 100'000;
  for (int draw = 0; draw < draws; ++draw) {
    const double unit = random.next_unit();
    ASSERT_GT(unit, 0.0);
    ASSERT_LE(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / draws, 0.5, 0.01);  // ten standard errors
}

TEST(Xoshiro256, BelowStaysBelowAndReachesBothEnds) {
  Xoshiro256 random(4);
  std::array<int, 3> seen{};
  for (int draw = 0; draw < 3'000; ++draw) ++seen.at(random.next_below(3));
  for (const int count : seen) EXPECT_NEAR(count, 1'000, 150);
  EXPECT_EQ(random.next_below(1), 0U);
}

}  // namespace
}  // namespace c1m::loadgen
