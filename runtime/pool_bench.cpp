// A million tasks through a worker pool with 2 and 4 workers a processor (the article: 2 to 4 a
// core), beside Go's as peers/go/pool.go has it: `./c1m compare-runtimes`. The argument is the
// number of processors. The counters count here, not the time of the whole.
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

std::uint64_t expected_sum() {
  std::uint64_t sum = 0;
  for (std::uint64_t task = 0; task < tasks; ++task) sum += mix(task);
  return sum;
}

std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
  return after > before ? after - before : 0;
}

using Pool = WorkerPool<std::uint64_t, std::uint64_t>;

// Memory before the first task, after a tenth of the results and after the last one.
struct PoolRun {
  os::Nanoseconds elapsed_ns = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after_tenth = 0;
  std::uint64_t bytes_after = 0;
};

PoolRun run_pool(unsigned workers) {
  PoolRun found{.bytes_before = memory_bytes()};
  const os::Nanoseconds begin_ns = os::monotonic_ns();
  auto pool = Pool::start({.workers = workers, .tasks_max = queue_max, .results_max = queue_max},
                          [](std::uint64_t& task, const Context&) { return mix(task); });
  C1M_ASSERT(pool, "the machine has what this needs");
  must(spawn([&pool] {
    for (std::uint64_t task = 0; task < tasks; ++task) must((*pool)->submit(task));
    (*pool)->close();
  }));
  std::uint64_t sum = 0;
  std::uint64_t count = 0;
  while (auto result = (*pool)->receive()) {
    sum += *result;
    if (++count == tasks / 10) found.bytes_after_tenth = memory_bytes();
  }
  found.elapsed_ns = os::monotonic_ns() - begin_ns;
  found.bytes_after = memory_bytes();
  C1M_ASSERT(count == tasks && sum == expected_sum(), "every result arrives once");
  must((*pool)->join());
  return found;
}

void pool_of_a_million(benchmark::State& state, unsigned workers_a_processor) {
  PoolRun found;
  run(state.range(0), [&] {
    for ([[maybe_unused]] auto _ : state) {
      found = run_pool(workers_a_processor * static_cast<unsigned>(state.range(0)));
    }
  });
  const auto counter = [](std::uint64_t bytes) { return static_cast<double>(bytes); };
  state.counters["task_ns"] = static_cast<double>(found.elapsed_ns) / static_cast<double>(tasks);
  state.counters["rss_bytes"] = counter(found.bytes_after);
  state.counters["grown_bytes"] = counter(growth(found.bytes_before, found.bytes_after));
  state.counters["grown_later_bytes"] = counter(growth(found.bytes_after_tenth, found.bytes_after));
}
void pool_of_a_million_by_2(benchmark::State& state) {
  pool_of_a_million(state, 2);
}
BENCHMARK(pool_of_a_million_by_2)->Arg(1)->Arg(2)->UseRealTime()->Iterations(1);
void pool_of_a_million_by_4(benchmark::State& state) {
  pool_of_a_million(state, 4);
}
BENCHMARK(pool_of_a_million_by_4)->Arg(1)->Arg(2)->UseRealTime()->Iterations(1);

}  // namespace
}  // namespace c1m::runtime
