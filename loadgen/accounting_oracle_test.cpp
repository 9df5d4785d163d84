// The plan and the accounting against servers whose latencies are known by construction, in virtual
// time: what is recorded is what was true, on any number of shards.
#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/accounting.hpp"
#include "loadgen/arrival_plan.hpp"
#include "loadgen/xoshiro.hpp"

namespace c1m::loadgen {
namespace {

// How long the server takes for a request that arrives at an offset, on a connection.
using Latency = std::function<os::Nanoseconds(const Arrival&)>;

struct Simulation {
  std::vector<os::Nanoseconds> planned_ns;
  measure::LoadShardResult result;
};

// One shard's part of the plan, every request sent at its time, with as many servers as it takes.
Simulation simulate(const PlanParameters& parameters, ConnectionRange range,
                    os::Nanoseconds length_ns, const Latency& latency) {
  struct Answer {
    os::Nanoseconds time_ns;
    Request request;
    bool operator>(const Answer& other) const { return time_ns > other.time_ns; }
  };
  Accounting accounting(LoopKind::open, 10 * os::ns_per_s);
  accounting.open_window({.start_ns = 0, .end_ns = length_ns});
  std::priority_queue<Answer, std::vector<Answer>, std::greater<>> answers;
  const auto answer_until = [&](os::Nanoseconds time_ns) {
    for (; !answers.empty() && answers.top().time_ns <= time_ns; answers.pop()) {
      accounting.on_answered(answers.top().request, answers.top().time_ns, false);
    }
  };
  Simulation simulation;
  for (ShardPlan plan(parameters, range, length_ns); plan.peek(); plan.pop()) {
    const Arrival arrival = *plan.peek();
    answer_until(arrival.offset_ns);
    const Request request{.intended_ns = arrival.offset_ns, .sent_ns = arrival.offset_ns};
    accounting.on_planned(request.intended_ns, request.sent_ns);
    accounting.on_sent(request, request.intended_ns);
    answers.push({arrival.offset_ns + latency(arrival), request});
    simulation.planned_ns.push_back(arrival.offset_ns);
  }
  answer_until(INT64_MAX);
  accounting.write_to(simulation.result);
  return simulation;
}

PlanParameters poisson(double rate_per_s, std::uint32_t connections) {
  return {.process = ArrivalProcess::poisson,
          .rate = {.then_per_s = rate_per_s},
          .connections = connections,
          .seed = 9};
}

// Quantiles of a distribution, in ns.
struct KnownDistribution {
  const char* name;
  double (*quantile_ns)(double probability);
};

class KnownLatency : public testing::TestWithParam<KnownDistribution> {};

TEST_P(KnownLatency, IsRecoveredWithinOnePercent) {
  Xoshiro256 random(4);
  const auto draw = [&](const Arrival&) {
    const double probability =
        (static_cast<double>(random.next_below(1U << 30)) + 0.5) / (1U << 30);
    return static_cast<os::Nanoseconds>(GetParam().quantile_ns(probability));
  };
  const auto [planned_ns, result] =
      simulate(poisson(20'000, 10), {.first = 0, .count = 10}, 20 * os::ns_per_s, draw);
  ASSERT_GT(planned_ns.size(), 390'000U);
  ASSERT_EQ(result.response_ns.count(), planned_ns.size());
  for (const double percentile : {1.0, 10.0, 50.0, 75.0, 90.0, 95.0, 99.0}) {
    const double expected_ns = GetParam().quantile_ns(percentile / 100);
    const auto found_ns = static_cast<double>(result.response_ns.value_at_percentile(percentile));
    // At the low end of an exponential one percent is less than its noise: 1 us is allowed too.
    EXPECT_NEAR(found_ns, expected_ns, std::max(0.01 * expected_ns, 1'000.0)) << percentile;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, KnownLatency,
    testing::Values(
        KnownDistribution{"uniform", [](double p) { return 1e6 + 2e6 * p; }},
        KnownDistribution{"exponential", [](double p) { return -1e6 * std::log(1 - p); }},
        KnownDistribution{"pareto", [](double p) { return 1e6 * std::pow(1 - p, -1.0 / 3); }},
        KnownDistribution{"bimodal", [](double p) { return p < 0.93 ? 1e6 : 40e6; }}),
    [](const auto& tested) { return std::string(tested.param.name); });

// A server that stands still for 1 s in every 10 s: a tenth of the requests waits uniformly between
// 0 and 1 s, so that quantile q > 0.9 is (q - 0.9) / 0.1 s, and the mean is 0.05 s.
TEST(Stall, HasItsClosedForm) {
  const auto stalled = [](const Arrival& arrival) {
    const os::Nanoseconds in_period_ns = arrival.offset_ns % (10 * os::ns_per_s);
    const os::Nanoseconds stall_ns = 9 * os::ns_per_s;
    return in_period_ns < stall_ns ? os::ns_per_us : 10 * os::ns_per_s - in_period_ns;
  };
  const auto [planned_ns, result] =
      simulate(poisson(5'000, 10), {.first = 0, .count = 10}, 200 * os::ns_per_s, stalled);
  const auto seconds_at = [&, &histogram = result.response_ns](double percentile) {
    return static_cast<double>(histogram.value_at_percentile(percentile)) / 1e9;
  };
  EXPECT_NEAR(seconds_at(95), 0.5, 0.01);
  EXPECT_NEAR(seconds_at(99), 0.9, 0.01);
  EXPECT_NEAR(seconds_at(99.9), 0.99, 0.01);
  EXPECT_NEAR(result.response_ns.mean() / 1e9, 0.05, 0.001);
  EXPECT_LT(seconds_at(89), 0.001);
}

class Shards : public testing::TestWithParam<std::uint32_t> {};

TEST_P(Shards, TogetherRecordWhatOneRecords) {
  constexpr std::uint32_t connections = 1'000;
  constexpr os::Nanoseconds length_ns = 3 * os::ns_per_s;
  const PlanParameters parameters = poisson(10'000, connections);
  // The same for the same request, wherever it runs.
  const auto latency = [](const Arrival& arrival) {
    Xoshiro256 random(static_cast<std::uint64_t>(arrival.offset_ns) ^ arrival.connection);
    return 10'000 + static_cast<os::Nanoseconds>(random.next_below(50'000'000));
  };
  const auto whole = simulate(parameters, {.first = 0, .count = connections}, length_ns, latency);
  std::vector<os::Nanoseconds> planned_ns;
  measure::RequestCounts counts;
  measure::Histogram response_ns;
  measure::Histogram send_lag_ns;
  for (std::uint32_t shard = 0; shard < GetParam(); ++shard) {
    const auto part =
        simulate(parameters, shard_range(connections, GetParam(), shard), length_ns, latency);
    planned_ns.insert(planned_ns.end(), part.planned_ns.begin(), part.planned_ns.end());
    counts += part.result.counts;
    response_ns.merge(part.result.response_ns);
    send_lag_ns.merge(part.result.send_lag_ns);
  }
  std::ranges::sort(planned_ns);
  EXPECT_EQ(planned_ns, whole.planned_ns) << "to the nanosecond";
  EXPECT_EQ(counts, whole.result.counts);
  EXPECT_EQ(response_ns, whole.result.response_ns) << "bucket by bucket";
  EXPECT_EQ(send_lag_ns, whole.result.send_lag_ns);
}

INSTANTIATE_TEST_SUITE_P(Counts, Shards, testing::Values(1, 2, 16));

}  // namespace
}  // namespace c1m::loadgen
