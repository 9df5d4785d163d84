// Contexts, joins and groups beside Go's, as peers/go/primitives.go has them: `./c1m
// compare-runtimes`. The argument of each is the number of processors.
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/bench_fixture.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/join_handle.hpp"
#include "runtime/spawn.hpp"
#include "runtime/task_group.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// A context is made below another, and cancelled.
void context_cancel(benchmark::State& state) {
  run(state.range(0), [&state] {
    const CancelSource parent;
    for ([[maybe_unused]] auto _ : state) {
      const CancelSource child(parent.context());
      child.cancel();
    }
  });
}
BENCHMARK(context_cancel)->Arg(1)->Arg(2)->UseRealTime();

// The same with a time limit of an hour.
void context_timeout(benchmark::State& state) {
  run(state.range(0), [&state] {
    const CancelSource parent;
    for ([[maybe_unused]] auto _ : state) {
      const auto child = CancelSource::with_timeout(3600 * os::ns_per_s, parent.context());
      child.cancel();
    }
  });
}
BENCHMARK(context_timeout)->Arg(1)->Arg(2)->UseRealTime();

// 1,000 coroutines wait, each for a context of its own below one that is cancelled: the time of
// one, from the cancelling until all have gone on.
void context_cancel_of_a_thousand(benchmark::State& state) {
  constexpr std::uint32_t children = 1000;
  run(state.range(0), [&state] {
    while (state.KeepRunningBatch(children)) {
      state.PauseTiming();
      const CancelSource parent;
      WaitGroup waiting(children);
      WaitGroup ended(children);
      for (std::uint32_t i = 0; i < children; ++i) {
        must(spawn([&waiting, &ended, context = parent.context()] {
          const CancelSource child(context);
          waiting.done();
          child.context().wait();
          ended.done();
        }));
      }
      waiting.wait();
      for (int i = 0; i < 3; ++i) yield();
      state.ResumeTiming();
      parent.cancel();
      ended.wait();
    }
  });
}
BENCHMARK(context_cancel_of_a_thousand)->Arg(1)->Arg(2)->UseRealTime();

// One after another: a spawn, and the wait for its value.
void join_a_value(benchmark::State& state) {
  run(state.range(0), [&state] {
    std::int64_t sum = 0;
    for ([[maybe_unused]] auto _ : state) {
      auto handle = spawn_joinable([&sum] { return sum + 1; });
      C1M_ASSERT(handle, "the machine has what this needs");
      sum = handle->join();
    }
    benchmark::DoNotOptimize(sum);
  });
}
BENCHMARK(join_a_value)->Arg(1)->Arg(2)->UseRealTime();

// A group of 1,000 tasks that succeed, with its context: the time of one.
void group_of_a_thousand(benchmark::State& state) {
  constexpr std::uint32_t tasks = 1000;
  run(state.range(0), [&state] {
    const CancelSource parent;
    while (state.KeepRunningBatch(tasks)) {
      TaskGroup group(parent.context());
      for (std::uint32_t i = 0; i < tasks; ++i) {
        must(group.spawn([] -> os::Result<void> { return {}; }));
      }
      must(group.join());
    }
  });
}
BENCHMARK(group_of_a_thousand)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace c1m::runtime
