// What the mutex costs in the case of zio's issue 574, in which work stealing made two workers nine
// times slower than one. Not here: what Go has as well (lock_bench.cpp). The argument is the number
// of processors.
#include <atomic>
#include <mutex>

#include <benchmark/benchmark.h>

#include "runtime/bench_fixture.hpp"
#include "runtime/mutex.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"

namespace c1m::runtime {
namespace {

// `coroutines` of them lock and unlock `each` times; the time of one round of all is reported.
void contend(benchmark::State& state, int coroutines, int each) {
  run(state.range(0), [&] {
    Mutex mutex;
    long counter = 0;
    std::atomic<int> ended = 0;
    for ([[maybe_unused]] auto _ : state) {
      ended.store(0);
      for (int i = 0; i < coroutines; ++i) {
        must(spawn([&mutex, &counter, &ended, each] {
          for (int round = 0; round < each; ++round) {
            const std::lock_guard lock(mutex);
            ++counter;
          }
          ended.fetch_add(1);
        }));
      }
      while (ended.load(std::memory_order_relaxed) < coroutines) {
        must(sleep_for(20 * os::ns_per_us));
      }
    }
    benchmark::DoNotOptimize(counter);
  });
  state.SetItemsProcessed(state.iterations() * coroutines * each);
}

// 4 coroutines, one mutex, 100,000 rounds each (github.com/lalinsky/zio, issue 574).
void mutex_zio_574(benchmark::State& state) {
  contend(state, 4, 100'000);
}
BENCHMARK(mutex_zio_574)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace c1m::runtime
