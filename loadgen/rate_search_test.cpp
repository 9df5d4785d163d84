// The search finds what queueing theory says of a simulated server, is wrong as rarely as it
// states, and says so when it was the generator that could not go on. All in virtual time.
#include "loadgen/rate_search.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "loadgen/arrival_plan.hpp"
#include "loadgen/xoshiro.hpp"
#include "measure/histogram.hpp"

namespace c1m::loadgen {
namespace {

using Server = std::function<StepOutcome(double rate_rps)>;

RateSearch search(const SearchPlan& plan, const Server& server) {
  RateSearch search(plan);
  while (const auto probe = search.next()) search.record(probe->rate_rps, server(probe->rate_rps));
  return search;
}

Server sharp(double capacity_rps) {
  return [capacity_rps](double rate_rps) {
    return rate_rps <= capacity_rps ? StepOutcome::held : StepOutcome::missed;
  };
}

// One server with exponential service times and the plan's Poisson arrivals, first in, first out
// (Lindley's recursion). Its response time is exponential with rate mu - lambda.
std::int64_t simulated_p99_ns(double rate_rps, double capacity_rps, std::uint64_t seed) {
  const PlanParameters parameters{.process = ArrivalProcess::poisson,
                                  .rate = {.then_per_s = rate_rps},
                                  .connections = 1,
                                  .seed = seed};
  Xoshiro256 random(seed ^ 0x5eed);
  measure::Histogram response_ns;
  double free_ns = 0;
  for (ShardPlan plan(parameters, {.first = 0, .count = 1}, 20 * os::ns_per_s); plan.peek();
       plan.pop()) {
    const auto arrival_ns = static_cast<double>(plan.peek()->offset_ns);
    const double uniform = (static_cast<double>(random.next_below(1U << 30)) + 0.5) / (1U << 30);
    free_ns = std::max(free_ns, arrival_ns) - std::log(uniform) * 1e9 / capacity_rps;
    response_ns.record(static_cast<std::int64_t>(free_ns - arrival_ns));
  }
  return response_ns.value_at_percentile(99);
}

// p99 = ln(100) / (mu - lambda), so that lambda = mu - ln(100) / T holds a p99 of just T.
TEST(RateSearch, FindsTheRateThatTheFormulaOfMM1Gives) {
  constexpr double capacity_rps = 5'000;
  constexpr double bound_s = 0.010;
  const double expected_rps = capacity_rps - std::log(100) / bound_s;
  std::uint64_t seed = 0;
  const auto found = search({.resolution = 0.02}, [&](double rate_rps) {
    const auto p99_ns = simulated_p99_ns(rate_rps, capacity_rps, ++seed);
    return static_cast<double>(p99_ns) < bound_s * 1e9 ? StepOutcome::held : StepOutcome::missed;
  });
  ASSERT_TRUE(found.converged()) << found.steps() << " steps";
  EXPECT_EQ(found.bound_by(), "objective");
  EXPECT_GE(found.confidence(), 0.95);
  EXPECT_NEAR(found.held().value_or(0), expected_rps, 0.03 * expected_rps);
  EXPECT_NEAR(found.failed().value_or(0), expected_rps, 0.03 * expected_rps);
}

TEST(RateSearch, ASharpServerIsBracketedWithinTheResolution) {
  for (const double capacity_rps : {123.0, 4'567.0, 98'765.0}) {
    const auto found = search({}, sharp(capacity_rps));
    ASSERT_TRUE(found.converged()) << capacity_rps;
    EXPECT_LE(*found.held(), capacity_rps);
    EXPECT_GT(*found.failed(), capacity_rps);
    EXPECT_LE(*found.failed() / *found.held(), 1.05);
    EXPECT_GE(found.confidence(), 0.95);
  }
}

// A server whose steps come out wrong one time in five, the worst that the formula allows for.
TEST(RateSearch, IsWrongNoOftenerThanItStates) {
  constexpr int searches = 400;
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < searches; ++seed) {
    Xoshiro256 random(seed);
    const auto found = search({.confidence = 0.9, .steps_max = 10'000}, [&](double rate_rps) {
      const bool is_typical = random.next_below(5) != 0;
      return (rate_rps <= 3'000) == is_typical ? StepOutcome::held : StepOutcome::missed;
    });
    ASSERT_TRUE(found.converged());
    EXPECT_GE(found.confidence(), 0.9);
    if (!(*found.held() <= 3'000 && *found.failed() > 3'000)) ++wrong;
  }
  EXPECT_LE(wrong, searches / 10) << "of " << searches;
}

TEST(RateSearch, SaysThatTheGeneratorWasTheLimit) {
  const auto found = search({}, [](double rate_rps) {
    return rate_rps <= 20'000 ? StepOutcome::held : StepOutcome::generator;
  });
  EXPECT_TRUE(found.converged());
  EXPECT_EQ(found.bound_by(), "generator");
  EXPECT_LE(*found.held(), 20'000);
}

TEST(RateSearch, SaysThatTheRangeWasTheLimit) {
  const auto found = search({.to_rps = 5'000}, sharp(1e9));
  EXPECT_TRUE(found.converged());
  EXPECT_EQ(found.held(), 5'000);
  EXPECT_EQ(found.failed(), std::nullopt);
  EXPECT_EQ(found.bound_by(), "search range");
  EXPECT_GE(found.confidence(), 0.95) << "that rate is sure too";
}

TEST(RateSearch, NothingHoldsBelowTheLowestRate) {
  const auto found = search({.from_rps = 100}, sharp(50));
  EXPECT_TRUE(found.converged());
  EXPECT_EQ(found.held(), std::nullopt);
  EXPECT_EQ(found.failed(), 100);
  EXPECT_GE(found.confidence(), 0.95);
}

TEST(RateSearch, OneStallDoesNotDecide) {
  int step = 0;
  const auto found = search({}, [&](double rate_rps) {
    return ++step == 2 ? StepOutcome::missed : sharp(4'567)(rate_rps);
  });
  ASSERT_TRUE(found.converged());
  EXPECT_LE(*found.held(), 4'567);
  EXPECT_GT(*found.failed(), 4'567);
}

TEST(RateSearch, EndsUnsureWhenItsStepsAreUsedUp) {
  const auto found = search({.steps_max = 9}, sharp(4'567));
  EXPECT_EQ(found.steps(), 9U);
  EXPECT_FALSE(found.converged());
  EXPECT_LT(found.confidence(), 0.95);
}

}  // namespace
}  // namespace c1m::loadgen
