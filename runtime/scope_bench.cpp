// Contexts beside Go's, as peers/primitives.go has them: `./c1m compare-go`. The argument of each
// is the number of processors.
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/runtime.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

void must(const os::Result<void>& result) {
  C1M_ASSERT(result, "the machine has what this needs");
}

void run(std::int64_t processors, std::move_only_function<void()> main) {
  auto runtime = Runtime::create({.processors = static_cast<unsigned>(processors)});
  C1M_ASSERT(runtime, "the machine has what this needs");
  must((*runtime)->run(std::move(main)));
}

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

}  // namespace
}  // namespace c1m::runtime
