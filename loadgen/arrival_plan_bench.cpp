// What the plan costs: an arrival of one's own, and one that a shard only skips.
#include <benchmark/benchmark.h>

#include "loadgen/arrival_plan.hpp"

namespace c1m::loadgen {
namespace {

constexpr PlanParameters parameters{.process = ArrivalProcess::poisson,
                                    .rate = {.then_per_s = 1e6},
                                    .connections = 1'000'000,
                                    .seed = 1};
constexpr os::Nanoseconds endless_ns = 1'000'000 * os::ns_per_s;

void draw_arrival(benchmark::State& state) {
  ArrivalPlan plan(parameters);
  for (auto _ : state) benchmark::DoNotOptimize(plan.next());
}
BENCHMARK(draw_arrival);

// One arrival of a shard among `range(0)` shards: it draws and skips those of the others.
void find_own_arrival(benchmark::State& state) {
  const auto shards = static_cast<std::uint32_t>(state.range(0));
  ShardPlan plan(parameters, shard_range(parameters.connections, shards, 0), endless_ns);
  for (auto _ : state) {
    benchmark::DoNotOptimize(plan.peek());
    plan.pop();
  }
}
BENCHMARK(find_own_arrival)->Arg(1)->Arg(2)->Arg(16)->Arg(53);

}  // namespace
}  // namespace c1m::loadgen
