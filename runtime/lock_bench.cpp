// Locks beside Go's, as peers/go/primitives.go has them: `./c1m compare-runtimes`. The argument of
// each is the number of processors. Go's standard library has no semaphore.
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include <benchmark/benchmark.h>

#include "runtime/bench_fixture.hpp"
#include "runtime/condition_variable.hpp"
#include "runtime/mutex.hpp"
#include "runtime/once.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/shared_mutex.hpp"
#include "runtime/spawn.hpp"
#include "runtime/wait_group.hpp"

namespace c1m::runtime {
namespace {

void mutex_alone(benchmark::State& state) {
  run(state.range(0), [&state] {
    Mutex mutex;
    for ([[maybe_unused]] auto _ : state) {
      mutex.lock();
      mutex.unlock();
    }
  });
}
BENCHMARK(mutex_alone)->Arg(1)->Arg(2)->UseRealTime();

void read_lock_alone(benchmark::State& state) {
  run(state.range(0), [&state] {
    SharedMutex mutex;
    for ([[maybe_unused]] auto _ : state) {
      mutex.lock_shared();
      mutex.unlock_shared();
    }
  });
}
BENCHMARK(read_lock_alone)->Arg(1)->Arg(2)->UseRealTime();

void write_lock_alone(benchmark::State& state) {
  run(state.range(0), [&state] {
    SharedMutex mutex;
    for ([[maybe_unused]] auto _ : state) {
      mutex.lock();
      mutex.unlock();
    }
  });
}
BENCHMARK(write_lock_alone)->Arg(1)->Arg(2)->UseRealTime();

void semaphore_alone(benchmark::State& state) {
  run(state.range(0), [&state] {
    Semaphore semaphore(10);
    for ([[maybe_unused]] auto _ : state) {
      semaphore.acquire(3);
      semaphore.release(3);
    }
  });
}
BENCHMARK(semaphore_alone)->Arg(1)->Arg(2)->UseRealTime();

void once_done(benchmark::State& state) {
  run(state.range(0), [&state] {
    Once once;
    int calls = 0;
    for ([[maybe_unused]] auto _ : state) {
      once.call([&calls] { ++calls; });
      benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(calls);
  });
}
BENCHMARK(once_done)->Arg(1)->Arg(2)->UseRealTime();

// 8 coroutines, 10,000 times `turn` each, again and again: the time of one turn.
template <class Lock, class Turn>
void contend(benchmark::State& state, Turn turn) {
  constexpr std::uint32_t coroutines = 8;
  constexpr std::uint32_t each = 10'000;
  run(state.range(0), [&state, turn] {
    Lock lock;
    long counter = 0;
    while (state.KeepRunningBatch(std::int64_t{coroutines} * each)) {
      WaitGroup ended(coroutines);
      for (std::uint32_t i = 0; i < coroutines; ++i) {
        must(spawn([&] {
          for (std::uint32_t round = 0; round < each; ++round) turn(lock, counter);
          ended.done();
        }));
      }
      ended.wait();
    }
    benchmark::DoNotOptimize(counter);
  });
}

void mutex_by_8(benchmark::State& state) {
  contend<Mutex>(state, [](Mutex& mutex, long& counter) {
    mutex.lock();
    ++counter;
    mutex.unlock();
  });
}
BENCHMARK(mutex_by_8)->Arg(1)->Arg(2)->UseRealTime();

void read_lock_by_8(benchmark::State& state) {
  contend<SharedMutex>(state, [](SharedMutex& mutex, long& counter) {
    mutex.lock_shared();
    benchmark::DoNotOptimize(counter);
    mutex.unlock_shared();
  });
}
BENCHMARK(read_lock_by_8)->Arg(1)->Arg(2)->UseRealTime();

// Two coroutines pass a turn to and fro: the time of a round trip.
void condition_round_trip(benchmark::State& state) {
  run(state.range(0), [&state] {
    Mutex mutex;
    ConditionVariable changed;
    int turn = 0;  // guarded by mutex; 2: the end
    WaitGroup ended(1);
    const auto pass_on = [&](int mine) {
      std::unique_lock lock(mutex);
      while (turn != mine && turn != 2) changed.wait(lock);
      if (turn == 2) return false;
      turn = 1 - mine;
      changed.notify_one();
      return true;
    };
    must(spawn([&] {
      while (pass_on(1)) {
      }
      ended.done();
    }));
    for ([[maybe_unused]] auto _ : state) pass_on(0);
    {
      const std::lock_guard lock(mutex);
      turn = 2;
    }
    changed.notify_one();
    ended.wait();
  });
}
BENCHMARK(condition_round_trip)->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
}  // namespace c1m::runtime
