// Lives have the lengths that their distribution says, and end at one mean rate from the beginning.
#include "loadgen/lifetime.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr os::Nanoseconds s = os::ns_per_s;
constexpr Lifetime fixed{.kind = LifetimeKind::fixed, .least_ns = 10 * s, .most_ns = 10 * s};
constexpr Lifetime exponential{
    .kind = LifetimeKind::exponential, .least_ns = 10 * s, .most_ns = 10 * s};
constexpr Lifetime uniform{.kind = LifetimeKind::uniform, .least_ns = 1 * s, .most_ns = 20 * s};
constexpr std::uint32_t sample_size = 20'000;

// The largest distance between the lengths' distribution and `distribution`, of lengths in s
// (Kolmogorov-Smirnov), over what would reject a sample of this size with a significance of 1 in
// 1000: below 1 it passes. The seed is fixed, so that a pass stays a pass.
template <class Distribution>
double ks_ratio(const Lifetime& lifetime, std::uint32_t life, Distribution distribution) {
  const LifePlan plan(lifetime, 7);
  std::vector<double> sample(sample_size);
  for (std::uint32_t at = 0; at < sample_size; ++at) {
    sample[at] = static_cast<double>(plan.length_ns(at, life)) / static_cast<double>(s);
  }
  std::ranges::sort(sample);
  double distance = 0;
  for (std::uint32_t at = 0; at < sample_size; ++at) {
    const double expected = distribution(sample[at]);
    distance = std::max({distance, expected - static_cast<double>(at) / sample_size,
                         static_cast<double>(at + 1) / sample_size - expected});
  }
  return distance / (1.95 / std::sqrt(static_cast<double>(sample_size)));
}

TEST(LifePlan, WholeLivesFollowTheirDistribution) {
  EXPECT_LT(ks_ratio(exponential, 1, [](double x) { return 1 - std::exp(-x / 10); }), 1);
  EXPECT_LT(ks_ratio(uniform, 3, [](double x) { return (x - 1) / 19; }), 1);
  const LifePlan plan(fixed, 7);
  for (std::uint32_t life = 1; life < 5; ++life) EXPECT_EQ(plan.length_ns(8, life), 10 * s);
}

// What is left of a life at a random moment has the density (1 - F(x)) / mean.
TEST(LifePlan, TheFirstLifeHasBegunBefore) {
  EXPECT_LT(ks_ratio(exponential, 0, [](double x) { return 1 - std::exp(-x / 10); }), 1);
  EXPECT_LT(ks_ratio(fixed, 0, [](double x) { return x / 10; }), 1);
  const auto of_uniform = [](double x) {
    if (x <= 1) return x / 10.5;
    return (1 + ((x - 1) - (x - 1) * (x - 1) / 38)) / 10.5;
  };
  EXPECT_LT(ks_ratio(uniform, 0, of_uniform), 1);
}

TEST(LifePlan, EndsComeAtOneMeanRateFromTheBeginning) {
  for (const Lifetime& lifetime : {fixed, exponential, uniform}) {
    const LifePlan plan(lifetime, 3);
    const double per_s = lifetime.ends_per_s(sample_size);
    std::uint64_t before = 0;
    for (os::Nanoseconds until_s = 2; until_s <= 20; until_s += 2) {
      const std::uint64_t ends = count_ends(plan, sample_size, until_s * s).all;
      // Five standard deviations of a Poisson count, which these are no wider than.
      EXPECT_NEAR(static_cast<double>(ends - before), 2 * per_s, 5 * std::sqrt(2 * per_s))
          << until_s;
      before = ends;
    }
  }
}

TEST(LifePlan, TheSeedNamesThePlan) {
  EXPECT_EQ(LifePlan(uniform, 1).length_ns(5, 2), LifePlan(uniform, 1).length_ns(5, 2));
  EXPECT_NE(LifePlan(uniform, 1).length_ns(5, 2), LifePlan(uniform, 2).length_ns(5, 2));
  EXPECT_NE(LifePlan(uniform, 1).length_ns(5, 2), LifePlan(uniform, 1).length_ns(6, 2));
  EXPECT_NE(LifePlan(uniform, 1).length_ns(5, 2), LifePlan(uniform, 1).length_ns(5, 3));
}

TEST(LifePlan, SoManyLivesEndByAResetAsTheShareSays) {
  Lifetime lifetime = exponential;
  const auto resets_of = [&](double share) {
    lifetime.reset_share = share;
    const LifePlan plan(lifetime, 7);
    std::uint32_t resets = 0;
    for (std::uint32_t connection = 0; connection < sample_size; ++connection) {
      if (plan.ends_by_reset(connection, connection % 3)) ++resets;
    }
    return resets;
  };
  EXPECT_EQ(resets_of(0), 0U);
  EXPECT_EQ(resets_of(1), sample_size);
  // Five standard deviations of a binomial count.
  EXPECT_NEAR(resets_of(0.25), sample_size * 0.25, 5 * std::sqrt(sample_size * 0.25 * 0.75));
  EXPECT_EQ(LifePlan(lifetime, 3).length_ns(5, 2), LifePlan(exponential, 3).length_ns(5, 2))
      << "how a life ends does not change its length";
}

TEST(LifePlan, CountsTheResetsAmongTheEnds) {
  Lifetime lifetime = fixed;
  lifetime.reset_share = 0.5;
  const LifePlan plan(lifetime, 9);
  // Each connection's first life ends within 10 s, and its second 10 s later.
  PlannedEnds expected;
  for (std::uint32_t connection = 0; connection < 50; ++connection) {
    ++expected.all;
    if (plan.ends_by_reset(connection, 0)) ++expected.resets;
  }
  EXPECT_EQ(count_ends(plan, 50, 10 * s), expected);
  EXPECT_GT(expected.resets, 5U);
  EXPECT_LT(expected.resets, 45U);
}

TEST(Lifetime, EndlessLivesDoNotEnd) {
  EXPECT_TRUE(Lifetime{}.is_endless());
  EXPECT_EQ(Lifetime{}.ends_per_s(1'000), 0);
  EXPECT_DOUBLE_EQ(uniform.ends_per_s(21), 2);
}

}  // namespace
}  // namespace c1m::loadgen
