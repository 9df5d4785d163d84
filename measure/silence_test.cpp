// Intersecting what shards kept gives what the merged stream of answers shows; and the expectation
// holds for simulated Poisson streams.
#include "measure/silence.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::measure {
namespace {

constexpr os::Nanoseconds window_ns = os::ns_per_s;

struct Answer {
  os::Nanoseconds at_ns = 0;
  std::size_t shard = 0;
  std::size_t target = 0;
};

// What the definition says, from all answers in order.
std::vector<Silence> gaps_of(const std::vector<Answer>& answers, os::Nanoseconds floor_ns,
                             auto belongs) {
  std::vector<Silence> gaps;
  os::Nanoseconds last_ns = 0;
  const auto add = [&](os::Nanoseconds now_ns) {
    if (now_ns - last_ns >= floor_ns) gaps.push_back({.begin_ns = last_ns, .end_ns = now_ns});
    last_ns = now_ns;
  };
  for (const Answer& answer : answers) {
    if (belongs(answer)) add(answer.at_ns);
  }
  add(window_ns);
  return gaps;
}

TEST(Silence, OfShardsAndTargetsIsThatOfTheMergedStream) {
  std::mt19937_64 random(7);
  std::exponential_distribution<double> interval(2000.0 / window_ns);
  std::vector<Answer> answers;
  os::Nanoseconds at_ns = 0;
  while ((at_ns += static_cast<os::Nanoseconds>(interval(random))) < window_ns) {
    answers.push_back({.at_ns = at_ns, .shard = random() % 3, .target = random() % 2});
  }
  constexpr os::Nanoseconds floor_ns = os::ns_per_ms;
  std::vector<ShardSilence> shards;
  for (std::size_t shard = 0; shard < 3; ++shard) {
    SilenceLog log(2, floor_ns);
    log.open(0, window_ns);
    for (const Answer& answer : answers) {
      if (answer.shard == shard) log.on_answer(answer.target, answer.at_ns);
    }
    shards.push_back(log.close(window_ns));
  }
  const ServiceSilence service = merge(shards);
  EXPECT_EQ(service.whole.answers, answers.size());
  EXPECT_EQ(service.whole.silences, gaps_of(answers, floor_ns, [](const Answer&) { return true; }));
  EXPECT_GT(service.whole.silences.size(), 10U) << "the test compares something";
  for (std::size_t target = 0; target < 2; ++target) {
    EXPECT_EQ(service.targets[target].silences,
              gaps_of(answers, floor_ns,
                      [target](const Answer& answer) { return answer.target == target; }));
  }
}

TEST(SilenceLog, CountsAnswersOfTheWindowOnly) {
  SilenceLog log(1, os::ns_per_ms);
  log.on_answer(0, 5);  // before it is open
  log.open(100 * os::ns_per_ms, 240 * os::ns_per_ms);
  log.on_answer(0, 50 * os::ns_per_ms);
  log.on_answer(0, 104 * os::ns_per_ms);
  log.on_answer(0, 250 * os::ns_per_ms);
  const ShardSilence seen = log.close(200 * os::ns_per_ms);  // the run was cut short
  EXPECT_EQ(seen.targets[0].answers, 1U);
  const std::vector<Silence> expected{
      {.begin_ns = 100 * os::ns_per_ms, .end_ns = 104 * os::ns_per_ms},
      {.begin_ns = 104 * os::ns_per_ms, .end_ns = 200 * os::ns_per_ms}};
  EXPECT_EQ(seen.targets[0].silences, expected);
}

TEST(SilenceLog, KeepsTheLongestWhenThereAreTooMany) {
  SilenceLog log(1, 1);
  log.open(0, INT64_MAX);
  os::Nanoseconds now_ns = 0;
  constexpr auto count = static_cast<os::Nanoseconds>(2 * SilenceLog::kept_max);
  for (os::Nanoseconds length_ns = 1; length_ns <= count; ++length_ns)
    log.on_answer(0, now_ns += length_ns);
  const ShardSilence seen = log.close(now_ns);
  const auto& kept = seen.targets[0].silences;
  EXPECT_LE(kept.size(), SilenceLog::kept_max);
  EXPECT_EQ(kept.back().length_ns(), count);
  EXPECT_TRUE(std::ranges::all_of(
      kept, [&](const Silence& silence) { return silence.length_ns() >= seen.floor_ns; }));
  // None that is as long as the floor is missing.
  EXPECT_EQ(kept.size(), static_cast<std::size_t>(count - seen.floor_ns + 1));
}

TEST(ExpectedSilence, OneOfAHundredPoissonStreamsExceedsIt) {
  std::mt19937_64 random(11);
  constexpr int streams = 2000;
  constexpr double mean_ns = 1e6;
  std::exponential_distribution<double> interval(1 / mean_ns);
  int exceeded = 0;
  double sum_ns = 0;
  for (int stream = 0; stream < streams; ++stream) {
    constexpr std::uint64_t answers = 1000;
    double longest_ns = 0;
    double length_ns = 0;
    for (std::uint64_t count = 0; count < answers; ++count) {
      const double next_ns = interval(random);
      longest_ns = std::max(longest_ns, next_ns);
      length_ns += next_ns;
    }
    const auto expected = expected_silence(answers, static_cast<os::Nanoseconds>(length_ns));
    ASSERT_TRUE(expected);
    exceeded += longest_ns > expected->unexpected_ns;
    sum_ns += longest_ns - expected->longest_ns;
  }
  // 20 are to be expected; six standard deviations of a binomial are 27.
  EXPECT_GT(exceeded, 0);
  EXPECT_LT(exceeded, 47);
  // Gumbel's mean is Euler's constant above ln(n); its deviation 1.28 over the root of the count.
  EXPECT_NEAR(sum_ns / streams / mean_ns, 0.577, 6 * 1.28 / std::sqrt(streams));
}

TEST(ExpectedSilence, NeedsTwoAnswers) {
  EXPECT_FALSE(expected_silence(1, os::ns_per_s));
  EXPECT_TRUE(expected_silence(2, os::ns_per_s));
}

}  // namespace
}  // namespace c1m::measure
