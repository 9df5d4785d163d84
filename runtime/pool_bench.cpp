// A million tasks through a worker pool, beside Go's as peers/pool.go has it: `./c1m compare-go`.
// The argument is the number of processors. The counters count here, not the time of the whole.
#include <cstdint>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/bench_fixture.hpp"
#include "runtime/spawn.hpp"
#include "runtime/worker_pool.hpp"

namespace c1m::runtime {
namespace {

constexpr std::uint64_t tasks = 1'000'000;
constexpr std::size_t queue_max = 5000;

// As article/r04_pool.cpp has it.
std::uint64_t mix(std::uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
  number = (number ^ number >> 27) * 0x94d049bb133111ebu;
  return number ^ number >> 31;
}

using Pool = WorkerPool<std::uint64_t, std::uint64_t>;

void pool_of_a_million(benchmark::State& state) {
  os::Nanoseconds elapsed_ns = 0;
  std::uint64_t grown_bytes = 0;
  run(state.range(0), [&] {
    for ([[maybe_unused]] auto _ : state) {
      const std::uint64_t before = memory_bytes();
      const os::Nanoseconds begin_ns = os::monotonic_ns();
      auto pool = Pool::start({.workers = 4 * static_cast<unsigned>(state.range(0)),
                               .tasks_max = queue_max,
                               .results_max = queue_max},
                              [](std::uint64_t& task, const Context&) { return mix(task); });
      C1M_ASSERT(pool, "the machine has what this needs");
      must(spawn([&pool] {
        for (std::uint64_t task = 0; task < tasks; ++task) must((*pool)->submit(task));
        (*pool)->close();
      }));
      std::uint64_t sum = 0;
      std::uint64_t count = 0;
      for (; auto result = (*pool)->receive(); ++count) sum += *result;
      elapsed_ns += os::monotonic_ns() - begin_ns;
      const std::uint64_t after = memory_bytes();
      grown_bytes = after > before ? after - before : 0;
      C1M_ASSERT(count == tasks, "every result arrives once");
      benchmark::DoNotOptimize(sum);
      must((*pool)->join());
    }
  });
  state.counters["task_ns"] =
      static_cast<double>(elapsed_ns) / static_cast<double>(state.iterations() * tasks);
  state.counters["grown_bytes"] = static_cast<double>(grown_bytes);
}
BENCHMARK(pool_of_a_million)->Arg(1)->Arg(2)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace c1m::runtime
