// Connections are chosen with the frequencies that the law says, and spread over all.
#include "loadgen/connection_choice.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

constexpr std::uint64_t seed = 5;

std::vector<int> counts_of(const ConnectionChoice& choice, std::uint32_t connections, int draws) {
  const ConnectionDraw draw(choice, connections, seed);
  Xoshiro256 random(seed);
  std::vector<int> counts(connections);
  for (int at = 0; at < draws; ++at) ++counts.at(draw.next(random));
  return counts;
}

class ZipfExponents : public testing::TestWithParam<double> {};

// Pearson's test against the law, over ranks that are frequent enough for it.
TEST_P(ZipfExponents, RanksHaveTheirFrequencies) {
  const double exponent = GetParam();
  constexpr std::uint32_t ranks = 1'000;
  constexpr int draws = 1'000'000;
  const ZipfRank rank(ranks, exponent);
  Xoshiro256 random(seed);
  std::vector<int> counts(ranks + 1);
  for (int at = 0; at < draws; ++at) ++counts.at(rank.draw(random));
  double norm = 0;
  for (std::uint32_t k = 1; k <= ranks; ++k) norm += std::pow(k, -exponent);
  double chi_square = 0;
  double rest = draws;
  int rest_count = draws;
  int cells = 0;
  for (std::uint32_t k = 1; k <= ranks; ++k) {
    const double expected = draws * std::pow(k, -exponent) / norm;
    if (expected < 20) break;
    chi_square += std::pow(counts[k] - expected, 2) / expected;
    rest -= expected;
    rest_count -= counts[k];
    ++cells;
  }
  if (rest >= 20) {
    chi_square += std::pow(rest_count - rest, 2) / rest;
    ++cells;
  }
  EXPECT_EQ(counts[0], 0);
  // Mean `cells - 1`, deviation sqrt(2 (cells - 1)); four and a half of them, the seed is fixed.
  const double freedom = cells - 1;
  EXPECT_NEAR(chi_square, freedom, 4.5 * std::sqrt(2 * freedom)) << cells << " cells";
}

INSTANTIATE_TEST_SUITE_P(All, ZipfExponents,
                         testing::Values(0.01, 0.5, 0.99, 1.0, 1.0000001, 1.2, 2.0, 10.0));

TEST(ConnectionChoice, ZipfSpreadsItsFavouritesOverAll) {
  constexpr std::uint32_t connections = 1'000;
  auto counts = counts_of({.kind = ChoiceKind::zipf, .exponent = 1}, connections, 1'000'000);
  const auto first_half = counts.begin() + connections / 2;
  const auto least = [&] {
    auto sorted = counts;
    std::ranges::sort(sorted, std::greater{});
    return sorted[99];
  }();
  const auto among_first =
      std::count_if(counts.begin(), first_half, [&](int count) { return count >= least; });
  // Of the hundred most frequent some fifty are in the first half: five deviations of 5.
  EXPECT_NEAR(static_cast<double>(among_first), 50, 25);
  EXPECT_TRUE(std::ranges::all_of(counts, [](int count) { return count > 0; }))
      << "each connection has a rank of its own";
}

TEST(ConnectionChoice, AnySizeIsShuffledWithoutLoss) {
  for (const std::uint32_t connections : {1U, 2U, 3U, 5U, 16U, 17U, 100U}) {
    const auto counts =
        counts_of({.kind = ChoiceKind::zipf, .exponent = 0.01}, connections, 20'000);
    EXPECT_TRUE(std::ranges::all_of(counts, [](int count) { return count > 0; })) << connections;
  }
}

TEST(ConnectionChoice, ActiveOnesAreAsManyAsAskedForAndEvenlySpread) {
  constexpr std::uint32_t connections = 1'003;
  const auto counts = counts_of({.kind = ChoiceKind::active, .active = 100}, connections, 100'000);
  std::vector<std::uint32_t> used;
  for (std::uint32_t at = 0; at < connections; ++at) {
    if (counts[at] > 0) used.push_back(at);
  }
  ASSERT_EQ(used.size(), 100U);
  for (std::size_t at = 1; at < used.size(); ++at) {
    EXPECT_NEAR(used[at] - used[at - 1], 10.03, 1);
  }
  for (const std::uint32_t at : used) EXPECT_NEAR(counts[at], 1'000, 5 * std::sqrt(1'000.0));
}

TEST(ConnectionChoice, ASeedNamesTheFavourites) {
  const ConnectionChoice choice{.kind = ChoiceKind::zipf, .exponent = 2};
  const auto favourite = [&](std::uint64_t own_seed) {
    const ConnectionDraw draw(choice, 1'000'000, own_seed);
    Xoshiro256 random(1);
    std::vector<std::uint32_t> drawn(9);
    std::ranges::generate(drawn, [&] { return draw.next(random); });
    std::ranges::sort(drawn);
    return drawn[4];
  };
  EXPECT_EQ(favourite(1), favourite(1));
  EXPECT_NE(favourite(1), favourite(2));
}

}  // namespace
}  // namespace c1m::loadgen
