// The operations that other runtimes have as well, as peers/go/primitives.go does them: `./c1m
// compare-runtimes` runs both and prints the ratios. The argument of each is the number of
// processors. Wall time, because with several processors work is on several threads.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/bench_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

// One after another: a spawn, and the wait for its end.
void spawn_and_join(benchmark::State& state) {
  run(state.range(0), [&state] {
    for ([[maybe_unused]] auto _ : state) {
      WaitGroup group(1);
      must(spawn([&group] { group.done(); }));
      group.wait();
    }
  });
}
BENCHMARK(spawn_and_join)->Arg(1)->Arg(2)->UseRealTime();

// 10,000 at once, then the wait for all of them: the time of one.
void spawn_many_and_join(benchmark::State& state) {
  constexpr std::uint32_t batch = 10'000;
  run(state.range(0), [&state] {
    // In whole batches; the rest of the last one is not counted as iterations.
    while (state.KeepRunningBatch(batch)) {
      WaitGroup group(batch);
      for (std::uint32_t i = 0; i < batch; ++i) must(spawn([&group] { group.done(); }));
      group.wait();
    }
  });
}
BENCHMARK(spawn_many_and_join)->Arg(1)->Arg(2)->UseRealTime();

// Two coroutines a processor that only yield; the time is that of one yield of the measuring one,
// in which the others run as well.
void yield_among_two_a_processor(benchmark::State& state) {
  run(state.range(0), [&state] {
    std::atomic<bool> done = false;
    WaitGroup group(static_cast<std::uint32_t>(2 * state.range(0) - 1));
    for (std::int64_t i = 1; i < 2 * state.range(0); ++i) {
      must(spawn([&] {
        while (!done.load(std::memory_order_relaxed)) yield();
        group.done();
      }));
    }
    for ([[maybe_unused]] auto _ : state) yield();
    done.store(true);
    group.wait();
  });
}
BENCHMARK(yield_among_two_a_processor)->Arg(1)->Arg(2)->UseRealTime();

double quantile(const std::vector<os::Nanoseconds>& sorted, double q) {
  return static_cast<double>(
             sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))]) /
         1000.0;
}

// How late a sleep of 1 ms ends. The counters count here, not the time.
void sleep_of_a_millisecond(benchmark::State& state) {
  std::vector<os::Nanoseconds> late_ns;
  run(state.range(0), [&] {
    for ([[maybe_unused]] auto _ : state) {
      const os::Nanoseconds begin_ns = os::monotonic_ns();
      must(sleep_for(os::ns_per_ms));
      late_ns.push_back(os::monotonic_ns() - begin_ns - os::ns_per_ms);
    }
  });
  std::ranges::sort(late_ns);
  state.counters["late_p50_us"] = quantile(late_ns, 0.5);
  state.counters["late_p99_us"] = quantile(late_ns, 0.99);
}
BENCHMARK(sleep_of_a_millisecond)->Arg(1)->Arg(2)->Iterations(500)->UseRealTime();

std::int64_t skynet(std::int64_t number, std::int64_t size) {
  if (size == 1) return number;
  constexpr std::uint32_t children = 10;
  std::array<std::int64_t, children> sums{};
  WaitGroup group(children);
  for (std::uint32_t i = 0; i < children; ++i) {
    must(spawn([&sums, &group, i, number, size] {
      sums[i] = skynet(number + i * (size / children), size / children);
      group.done();
    }));
  }
  group.wait();
  std::int64_t sum = 0;
  for (const std::int64_t each : sums) sum += each;
  return sum;
}

// A tree of coroutines with a million leaves (github.com/atemerev/skynet), whose numbers are added
// up.
void skynet_of_a_million(benchmark::State& state) {
  constexpr std::int64_t leaves = 1'000'000;
  run(state.range(0), [&state] {
    for ([[maybe_unused]] auto _ : state) {
      C1M_ASSERT(skynet(0, leaves) == leaves * (leaves - 1) / 2, "every leaf counts once");
    }
  });
}
BENCHMARK(skynet_of_a_million)->Arg(1)->Arg(2)->UseRealTime()->Iterations(2);

// A million coroutines that wait, each after it has begun to run: the memory of one, with page
// tables, and the time to make it.
void park_a_million(benchmark::State& state, StackPolicy stack) {
  constexpr std::uint32_t coroutines = 1'000'000;
  const std::uint64_t before = memory_bytes();
  std::uint64_t after = before;
  run(state.range(0), [&] {
    for ([[maybe_unused]] auto _ : state) {
      std::atomic<std::uint32_t> begun = 0;
      WaitGroup gate(1);
      WaitGroup ended(coroutines);
      for (std::uint32_t i = 0; i < coroutines; ++i) {
        must(spawn(
            [&] {
              begun.fetch_add(1, std::memory_order_relaxed);
              gate.wait();
              ended.done();
            },
            {.stack = stack}));
        if (i % 64 == 63) yield();
      }
      while (begun.load(std::memory_order_relaxed) < coroutines) yield();
      state.PauseTiming();
      after = memory_bytes();
      gate.done();
      ended.wait();
      state.ResumeTiming();
    }
  });
  state.counters["bytes_each"] = static_cast<double>(after - before) / coroutines;
  state.counters["creation_ns"] = benchmark::Counter(
      coroutines, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
void park_a_million_dedicated(benchmark::State& state) {
  park_a_million(state, StackPolicy::dedicated);
}
BENCHMARK(park_a_million_dedicated)->Arg(1)->Arg(2)->UseRealTime()->Iterations(1);
void park_a_million_compact(benchmark::State& state) {
  park_a_million(state, StackPolicy::compact);
}
BENCHMARK(park_a_million_compact)->Arg(1)->Arg(2)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace c1m::runtime
