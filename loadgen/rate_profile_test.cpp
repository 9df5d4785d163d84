// The inverse of a profile is its inverse, in every pattern; and expected arrivals are areas.
#include "loadgen/rate_profile.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds s = os::ns_per_s;

NanoArrivals nano(double arrivals) {
  return static_cast<NanoArrivals>(std::llround(arrivals * one_arrival));
}

TEST(RateProfile, AConstantRateIsAStraightLine) {
  const RateProfile constant{.then_per_s = 250};
  EXPECT_DOUBLE_EQ(constant.expected_arrivals(4 * s), 1'000);
  RateClock clock(constant);
  EXPECT_EQ(clock.offset_of(nano(0)), 0);
  EXPECT_EQ(clock.offset_of(nano(1)), 4 * os::ns_per_ms);
  EXPECT_EQ(clock.offset_of(nano(1'000)), 4 * s);
}

// From 0 to 100 a second in 10 s: t s bring 5 t^2.
TEST(RateProfile, ARampFromNothingGrowsWithTheSquareOfTime) {
  const RateProfile ramp{.segments = {{10 * s, 0, 100}}, .then_per_s = 100};
  EXPECT_DOUBLE_EQ(ramp.expected_arrivals(2 * s), 20);
  EXPECT_DOUBLE_EQ(ramp.expected_arrivals(10 * s), 500);
  EXPECT_DOUBLE_EQ(ramp.expected_arrivals(11 * s), 600);
  RateClock clock(ramp);
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(5))), 1e9, 2);
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(125))), 5e9, 2);
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(500))), 10e9, 2);
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(550))), 10.5e9, 2);
}

TEST(RateProfile, ARampToNothingEndsThere) {
  RateClock clock({.segments = {{10 * s, 100, 0}}, .then_per_s = 0});
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(500 - 5))), 9e9, 2);
  EXPECT_NEAR(static_cast<double>(clock.offset_of(nano(500))), 10e9, 2);
  EXPECT_EQ(clock.offset_of(nano(500.001)), RateClock::never_ns);
}

TEST(RateProfile, BurstsLeaveTheOffTimesEmpty) {
  const RateProfile bursts{.segments = {{s, 30, 30}, {9 * s, 0, 0}}, .repeats = true};
  EXPECT_DOUBLE_EQ(bursts.expected_arrivals(25 * s), 90);
  EXPECT_DOUBLE_EQ(bursts.expected_arrivals(20 * s + s / 2), 75);
  RateClock clock(bursts);
  for (int at = 1; at <= 300; ++at) {
    const os::Nanoseconds offset_ns = clock.offset_of(nano(at - 0.5));
    EXPECT_EQ(offset_ns / (10 * s), (at - 1) / 30) << at;
    EXPECT_LT(offset_ns % (10 * s), s) << at;
  }
}

TEST(RateProfile, StepsChangeTheDistances) {
  RateClock clock({.segments = {{s, 2, 2}, {s, 0, 0}, {s, 4, 4}}, .then_per_s = 1});
  const os::Nanoseconds expected_ms[] = {250, 750, 2'125, 2'375, 2'625, 2'875, 3'500, 4'500};
  for (int at = 0; at < 8; ++at) {
    EXPECT_EQ(clock.offset_of(nano(at + 0.5)), expected_ms[at] * os::ns_per_ms) << at;
  }
}

// Over many segments of all kinds, and repetitions: offsets never decrease, and the area up to the
// offset of n is n.
TEST(RateProfile, TheInverseIsTheInverse) {
  const RateProfile profile{
      .segments = {{s / 3, 0, 1'000}, {s, 1'000, 1'000}, {s / 7, 1'000, 3}, {s, 3, 3.0001}},
      .repeats = true};
  RateClock clock(profile);
  os::Nanoseconds before_ns = 0;
  for (int at = 1; at < 20'000; ++at) {
    const os::Nanoseconds offset_ns = clock.offset_of(nano(at));
    ASSERT_GE(offset_ns, before_ns);
    before_ns = offset_ns;
    // A nanosecond is 1e-6 arrivals at the highest rate; a period's sum is rounded to 1e-9.
    ASSERT_NEAR(profile.expected_arrivals(offset_ns), at, 1e-4) << "at " << offset_ns;
  }
}

}  // namespace
}  // namespace c1m::loadgen
