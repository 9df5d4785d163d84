// The plan is the process that it claims to be, and the same on any number of shards.
#include "loadgen/arrival_plan.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr PlanParameters poisson{.process = ArrivalProcess::poisson,
                                 .rate = {.then_per_s = 20'000},
                                 .connections = 1'000,
                                 .seed = 42};

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
    return 1 - std::exp(-poisson.rate.then_per_s * interval_s);
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
  const double rate_per_s = poisson.rate.then_per_s / poisson.connections;
  const double distance = ks_distance(
      intervals_s, [&](double interval_s) { return 1 - std::exp(-rate_per_s * interval_s); });
  EXPECT_LT(distance, ks_bound(intervals_s.size()));
}

// In terms of the arrivals expected in between, the intervals of every pattern are exponential with
// mean 1 (time change), and in terms of time they are not.
TEST(ArrivalPlan, APoissonProcessOfChangingRateIsOneInItsOwnTime) {
  const RateProfile patterns[] = {
      {.segments = {{20 * os::ns_per_s, 10, 9'000}}, .then_per_s = 9'000},
      {.segments = {{os::ns_per_s, 9'000, 9'000}, {os::ns_per_s, 100, 100}}, .then_per_s = 5'000},
      {.segments = {{os::ns_per_s / 10, 20'000, 20'000}, {os::ns_per_s / 3, 0, 0}},
       .repeats = true}};
  for (const RateProfile& pattern : patterns) {
    PlanParameters parameters = poisson;
    parameters.rate = pattern;
    std::vector<double> intervals;
    std::vector<double> intervals_s;
    double before = 0;
    double before_s = 0;
    for (const Arrival& arrival : take(parameters, 50'000)) {
      const double now = pattern.expected_arrivals(arrival.offset_ns);
      const double now_s = static_cast<double>(arrival.offset_ns) / 1e9;
      intervals.push_back(now - std::exchange(before, now));
      intervals_s.push_back(now_s - std::exchange(before_s, now_s));
    }
    const auto exponential = [](double interval) { return 1 - std::exp(-interval); };
    EXPECT_LT(ks_distance(intervals, exponential), ks_bound(intervals.size()));
    const double mean_s = before_s / static_cast<double>(intervals_s.size());
    const auto of_the_mean = [&](double interval_s) { return 1 - std::exp(-interval_s / mean_s); };
    EXPECT_GT(ks_distance(intervals_s, of_the_mean), ks_bound(intervals_s.size()));
  }
}

TEST(ArrivalPlan, ATraceIsReplayedAndThenEnds) {
  const std::vector<TracedArrival> trace{{5, 3}, {5, any_connection}, {7, 0}};
  PlanParameters parameters = poisson;
  parameters.process = ArrivalProcess::trace;
  parameters.trace = trace;
  const auto arrivals = take(parameters, 4);
  EXPECT_EQ(arrivals[0], (Arrival{5, 3}));
  EXPECT_EQ(arrivals[1].offset_ns, 5);
  EXPECT_LT(arrivals[1].connection, parameters.connections);
  EXPECT_EQ(arrivals[2], (Arrival{7, 0}));
  EXPECT_EQ(arrivals[3].offset_ns, RateClock::never_ns);
  EXPECT_EQ(count_arrivals(parameters, 0, 7), 2U);
  EXPECT_EQ(count_arrivals(parameters, 0, os::ns_per_s), 3U);
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
      .process = ArrivalProcess::uniform, .rate = {.then_per_s = 3}, .connections = 1, .seed = 1};
  const auto arrivals = take(uniform, 4);
  EXPECT_EQ(arrivals[0].offset_ns, 166'666'666);
  EXPECT_EQ(arrivals[1].offset_ns, 500'000'000);
  EXPECT_EQ(arrivals[2].offset_ns, 833'333'333);
  EXPECT_EQ(arrivals[3].offset_ns, 1'166'666'666);
}

TEST(ArrivalPlan, UniformWindowHoldsExactlyRateTimesLength) {
  const PlanParameters uniform{.process = ArrivalProcess::uniform,
                               .rate = {.then_per_s = 7'777},
                               .connections = 10,
                               .seed = 1};
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

const std::vector<TracedArrival> recorded = [] {
  constexpr std::uint32_t arrivals = 5'000;
  std::vector<TracedArrival> trace;
  trace.reserve(arrivals);
  for (std::uint32_t at = 0; at < arrivals; ++at) {
    trace.push_back({at * os::ns_per_ms / 10, at % 3 == 0 ? at % 1'000 : any_connection});
  }
  return trace;
}();

PlanParameters changed(void (*change)(PlanParameters&)) {
  PlanParameters parameters = poisson;
  change(parameters);
  return parameters;
}

const PlanParameters plans[] = {
    poisson,
    changed(
        [](PlanParameters& plan) { plan.choice = {.kind = ChoiceKind::zipf, .exponent = 1.1}; }),
    changed([](PlanParameters& plan) { plan.choice = {.kind = ChoiceKind::active, .active = 7}; }),
    changed([](PlanParameters& plan) {
      plan.rate = {.segments = {{os::ns_per_s, 0, 40'000}}, .then_per_s = 40'000};
    }),
    changed([](PlanParameters& plan) {
      plan.rate = {.segments = {{os::ns_per_ms, 2e5, 2e5}, {9 * os::ns_per_ms, 0, 0}},
                   .repeats = true};
      plan.process = ArrivalProcess::uniform;
    }),
    changed([](PlanParameters& plan) {
      plan.process = ArrivalProcess::trace;
      plan.trace = recorded;
    })};

class PlanOnShards : public testing::TestWithParam<std::tuple<std::size_t, std::uint32_t>> {};

// Bit-equal: the shards' arrivals laid together are the plan itself, arrival by arrival.
TEST_P(PlanOnShards, TogetherTheyAreThePlan) {
  const auto [plan, shards] = GetParam();
  const PlanParameters& parameters = plans[plan];
  constexpr os::Nanoseconds length_ns = os::ns_per_s;
  std::vector<Arrival> together;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    const ConnectionRange range = shard_range(parameters.connections, shards, shard);
    const auto own = take_shard(parameters, range, length_ns);
    EXPECT_TRUE(std::ranges::all_of(
        own, [&](const Arrival& arrival) { return range.contains(arrival.connection); }));
    together.insert(together.end(), own.begin(), own.end());
  }
  const std::uint64_t planned = count_arrivals(parameters, 0, length_ns);
  ASSERT_EQ(together.size(), planned);
  ASSERT_GT(planned, 1'000U);
  auto expected = take(parameters, planned);
  // Arrivals of the same nanosecond have no order between shards.
  const auto by_time_and_connection = [](const Arrival& left, const Arrival& right) {
    return std::pair(left.offset_ns, left.connection) <
           std::pair(right.offset_ns, right.connection);
  };
  std::ranges::sort(expected, by_time_and_connection);
  std::ranges::sort(together, by_time_and_connection);
  EXPECT_EQ(together, expected);
}

INSTANTIATE_TEST_SUITE_P(PlansAndShards, PlanOnShards,
                         testing::Combine(testing::Range(std::size_t{0}, std::size(plans)),
                                          testing::Values(1, 2, 3, 16, 100)));

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
