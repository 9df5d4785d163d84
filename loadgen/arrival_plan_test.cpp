// The plan is the process that it claims to be, and the same on any number of shards.
#include "loadgen/arrival_plan.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr PlanParameters poisson{
    .process = ArrivalProcess::poisson, .rate_per_s = 20'000, .connections = 1'000, .seed = 42};

std::vector<Arrival> take(const PlanParameters& parameters, std::size_t count) {
  ArrivalPlan plan(parameters);
  std::vector<Arrival> arrivals(count);
  for (Arrival& arrival : arrivals) arrival = plan.next();
  return arrivals;
}

std::vector<Arrival> take_shard(const PlanParameters& parameters, ConnectionRange range,
                                os::Nanoseconds length_ns) {
  std::vector<Arrival> arrivals;
  for (ShardPlan plan(parameters, range, length_ns); plan.peek(); plan.pop()) {
    arrivals.push_back(*plan.peek());
  }
  return arrivals;
}

// The largest distance between the distribution of `sample` and `distribution`
// (Kolmogorov-Smirnov).
template <class Distribution>
double ks_distance(std::vector<double> sample, Distribution distribution) {
  std::ranges::sort(sample);
  const auto count = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t at = 0; at < sample.size(); ++at) {
    const double expected = distribution(sample[at]);
    const auto rank = static_cast<double>(at);
    distance = std::max({distance, expected - rank / count, (rank + 1) / count - expected});
  }
  return distance;
}

// Beyond this a sample of `count` is rejected at a significance of 1 in 1000; the seed is fixed, so
// that a pass stays a pass.
double ks_bound(std::size_t count) {
  return 1.95 / std::sqrt(static_cast<double>(count));
}

TEST(ArrivalPlan, PoissonIntervalsAreExponential) {
  const auto arrivals = take(poisson, 100'000);
  std::vector<double> intervals_s;
  os::Nanoseconds before_ns = 0;
  for (const Arrival& arrival : arrivals) {
    intervals_s.push_back(static_cast<double>(arrival.offset_ns - before_ns) / 1e9);
    before_ns = arrival.offset_ns;
  }
  const double distance = ks_distance(intervals_s, [](double interval_s) {
    return 1 - std::exp(-poisson.rate_per_s * interval_s);
  });
  EXPECT_LT(distance, ks_bound(intervals_s.size()));
}

TEST(ArrivalPlan, ArrivalsOfOneConnectionArePoissonToo) {
  std::vector<double> intervals_s;
  os::Nanoseconds before_ns = 0;
  for (const Arrival& arrival : take(poisson, 2'000'000)) {
    if (arrival.connection != 7) continue;
    intervals_s.push_back(static_cast<double>(arrival.offset_ns - before_ns) / 1e9);
    before_ns = arrival.offset_ns;
  }
  ASSERT_GT(intervals_s.size(), 1'500U);
  const double rate_per_s = poisson.rate_per_s / poisson.connections;
  const double distance = ks_distance(
      intervals_s, [&](double interval_s) { return 1 - std::exp(-rate_per_s * interval_s); });
  EXPECT_LT(distance, ks_bound(intervals_s.size()));
}

TEST(ArrivalPlan, ConnectionsAreEquallyLikely) {
  std::vector<int> counts(poisson.connections);
  constexpr std::size_t arrivals = 1'000'000;
  for (const Arrival& arrival : take(poisson, arrivals)) ++counts.at(arrival.connection);
  const double expected = static_cast<double>(arrivals) / poisson.connections;
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - expected, 2) / expected;
  // 999 degrees of freedom: mean 999, deviation sqrt(2 * 999) = 44.7; four deviations.
  EXPECT_NEAR(chi_square, 999, 4 * 44.7);
}

TEST(ArrivalPlan, UniformArrivalsStandInTheMiddleOfTheirIntervals) {
  const PlanParameters uniform{
      .process = ArrivalProcess::uniform, .rate_per_s = 3, .connections = 1, .seed = 1};
  const auto arrivals = take(uniform, 4);
  EXPECT_EQ(arrivals[0].offset_ns, 166'666'666);
  EXPECT_EQ(arrivals[1].offset_ns, 500'000'000);
  EXPECT_EQ(arrivals[2].offset_ns, 833'333'333);
  EXPECT_EQ(arrivals[3].offset_ns, 1'166'666'666);
}

TEST(ArrivalPlan, UniformWindowHoldsExactlyRateTimesLength) {
  const PlanParameters uniform{
      .process = ArrivalProcess::uniform, .rate_per_s = 7'777, .connections = 10, .seed = 1};
  EXPECT_EQ(count_arrivals(uniform, 0, 10 * os::ns_per_s), 77'770U);
  EXPECT_EQ(count_arrivals(uniform, 3 * os::ns_per_s, 5 * os::ns_per_s), 2U * 7'777U);
}

TEST(ArrivalPlan, SeedNamesThePlan) {
  EXPECT_EQ(take(poisson, 1'000), take(poisson, 1'000));
  PlanParameters other = poisson;
  other.seed = 43;
  EXPECT_NE(take(poisson, 1'000), take(other, 1'000));
}

TEST(ArrivalPlan, CountsWhatTheWindowHolds) {
  const auto arrivals = take(poisson, 100'000);
  const auto in_window = std::ranges::count_if(arrivals, [](const Arrival& arrival) {
    return arrival.offset_ns >= os::ns_per_s && arrival.offset_ns < 2 * os::ns_per_s;
  });
  EXPECT_EQ(count_arrivals(poisson, os::ns_per_s, 2 * os::ns_per_s),
            static_cast<std::uint64_t>(in_window));
}

class PlanOnShards : public testing::TestWithParam<std::uint32_t> {};

// Bit-equal: the shards' arrivals laid together are the plan itself, arrival by arrival.
TEST_P(PlanOnShards, TogetherTheyAreThePlan) {
  const std::uint32_t shards = GetParam();
  constexpr os::Nanoseconds length_ns = os::ns_per_s;
  std::vector<Arrival> together;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    const ConnectionRange range = shard_range(poisson.connections, shards, shard);
    const auto own = take_shard(poisson, range, length_ns);
    EXPECT_TRUE(std::ranges::all_of(
        own, [&](const Arrival& arrival) { return range.contains(arrival.connection); }));
    together.insert(together.end(), own.begin(), own.end());
  }
  const std::uint64_t planned = count_arrivals(poisson, 0, length_ns);
  ASSERT_EQ(together.size(), planned);
  auto expected = take(poisson, planned);
  // Arrivals of the same nanosecond have no order between shards.
  const auto by_time_and_connection = [](const Arrival& left, const Arrival& right) {
    return std::pair(left.offset_ns, left.connection) <
           std::pair(right.offset_ns, right.connection);
  };
  std::ranges::sort(expected, by_time_and_connection);
  std::ranges::sort(together, by_time_and_connection);
  EXPECT_EQ(together, expected);
}

INSTANTIATE_TEST_SUITE_P(Shards, PlanOnShards, testing::Values(1, 2, 3, 16, 100));

TEST(ShardRange, CoversEveryConnectionOnce) {
  for (const std::uint32_t shards : {1U, 2U, 7U, 16U}) {
    std::uint32_t next = 0;
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const ConnectionRange range = shard_range(1'000'003, shards, shard);
      EXPECT_EQ(range.first, next);
      EXPECT_NEAR(range.count, 1'000'003.0 / shards, 1);
      next += range.count;
    }
    EXPECT_EQ(next, 1'000'003U);
  }
}

TEST(ShardRange, KnowsItsOwn) {
  const ConnectionRange range{.first = 10, .count = 5};
  EXPECT_FALSE(range.contains(9));
  EXPECT_TRUE(range.contains(10));
  EXPECT_TRUE(range.contains(14));
  EXPECT_FALSE(range.contains(15));
}

TEST(ShardPlan, EndsBeforeItsLength) {
  const auto arrivals =
      take_shard(poisson, {.first = 0, .count = poisson.connections}, 10 * os::ns_per_ms);
  ASSERT_FALSE(arrivals.empty());
  EXPECT_LT(arrivals.back().offset_ns, 10 * os::ns_per_ms);
  EXPECT_EQ(arrivals.size(), count_arrivals(poisson, 0, 10 * os::ns_per_ms));
}

}  // namespace
}  // namespace c1m::loadgen
