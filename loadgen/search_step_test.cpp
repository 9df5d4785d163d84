// A step is held, missed, or says nothing because the generator was late.
#include "loadgen/search_step.hpp"

#include <string>

#include <gtest/gtest.h>

#include "loadgen/validity.hpp"

namespace c1m::loadgen {
namespace {

measure::LoadDocument step(std::int64_t response_ns, const std::vector<std::string>& failed) {
  measure::LoadDocument document;
  document.response_ns.emplace().record(response_ns);
  for (const std::string& name : failed) {
    document.checks.push_back(
        {.name = name, .value = 1, .bound = 0, .unit = "", .ok = false, .explanation = ""});
  }
  return document;
}

constexpr std::int64_t fast_ns = 1'000'000;
constexpr std::int64_t slow_ns = 50'000'000;

TEST(SearchStep, FollowsTheObjective) {
  const auto objective = parse_threshold("p99<10ms").value();
  EXPECT_EQ(outcome_of(step(fast_ns, {}), objective), StepOutcome::held);
  EXPECT_EQ(outcome_of(step(slow_ns, {}), objective), StepOutcome::missed);
}

TEST(SearchStep, ALateGeneratorBlamesNobodyAndCanStillHold) {
  const auto objective = parse_threshold("p99<10ms").value();
  for (const char* check : {"send_lag_p99_us", "generator_cpu"}) {
    EXPECT_EQ(outcome_of(step(fast_ns, {check}), objective), StepOutcome::held) << check;
    EXPECT_EQ(outcome_of(step(slow_ns, {check}), objective), StepOutcome::generator) << check;
  }
}

TEST(SearchStep, LostRequestsHoldNothing) {
  const auto objective = parse_threshold("p99<10ms").value();
  EXPECT_EQ(outcome_of(step(fast_ns, {"nothing_lost"}), objective), StepOutcome::missed);
  EXPECT_EQ(outcome_of(step(fast_ns, {"nothing_lost", "send_lag_p99_us"}), objective),
            StepOutcome::generator);
}

TEST(SearchStep, WhatProvesNothingHoldsNothing) {
  const auto objective = parse_threshold("p99<10ms").value();
  for (const char* check : {"rate_achieved", "counts_add_up", "littles_law", "steal", "throttled",
                            "no_shard_died", "realtime_step"}) {
    EXPECT_EQ(outcome_of(step(fast_ns, {check}), objective), StepOutcome::generator) << check;
  }
}

TEST(SearchStep, ACalibrationAsksForEveryCheck) {
  EXPECT_EQ(outcome_of_generator(step(slow_ns, {})), StepOutcome::held);
  EXPECT_EQ(outcome_of_generator(step(fast_ns, {"generator_cpu"})), StepOutcome::generator);
}

// Each check is known to this file, so that a new one cannot fall to the wrong side unnoticed.
TEST(SearchStep, KnowsEveryCheck) {
  std::size_t of_the_server = 0;
  std::size_t of_the_pace = 0;
  std::size_t of_neither = 0;
  const auto objective = parse_threshold("p99<10ms").value();
  measure::LoadDocument document;  // of a run that was asked for everything
  document.websocket.emplace();
  document.churn.emplace();
  document.half_open.emplace();
  document.slow.emplace();
  for (const auto& check : check_validity(document, {})) {
    const auto outcome = outcome_of(step(fast_ns, {check.name}), objective);
    if (outcome == StepOutcome::missed) ++of_the_server;
    if (outcome == StepOutcome::held) ++of_the_pace;
    if (outcome == StepOutcome::generator) ++of_neither;
  }
  EXPECT_EQ(of_the_server, 25U);
  EXPECT_EQ(of_the_pace, 2U);
  EXPECT_EQ(of_neither, 10U);
}

}  // namespace
}  // namespace c1m::loadgen
