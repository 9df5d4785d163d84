// What the runtime's primitives cost: a switch, a yield, a spawn, a sleep, a timer. The argument of
// each is the number of processors. Wall time, because with several processors work is on several
// threads.
#include <atomic>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/stack_switch.hpp"
#include "runtime/timer_heap.hpp"
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

// There and back: two jumps, with the exception globals exchanged.
void switch_to_a_coroutine_and_back(benchmark::State& state) {
  struct Pair : CoroutineContext {
    ThreadContext* thread = nullptr;
  };
  StackPool stacks(64 * 1024, os::GuardKind::marker);
  ThreadContext thread;
  thread.attach();
  Pair coroutine;
  coroutine.thread = &thread;
  coroutine.prepare(stacks.usable(*stacks.take()), [](CoroutineContext& context) {
    auto& self = static_cast<Pair&>(context);
    for (;;) self.suspend(*self.thread);
  });
  for ([[maybe_unused]] auto _ : state) coroutine.resume(thread);
}
BENCHMARK(switch_to_a_coroutine_and_back);

// Two coroutines a processor that only yield; the time is that of one yield of the measuring one,
// in which the other runs once.
void yield_among_two_a_processor(benchmark::State& state) {
  run(state.range(0), [&state] {
    bool done = false;
    for (std::int64_t i = 1; i < 2 * state.range(0); ++i) {
      must(spawn([&done] {
        while (!std::atomic_ref(done).load(std::memory_order_relaxed)) yield();
      }));
    }
    for ([[maybe_unused]] auto _ : state) yield();
    std::atomic_ref(done).store(true);
  });
}
BENCHMARK(yield_among_two_a_processor)->Arg(1)->Arg(2)->UseRealTime();

// Spawns in batches and lets them run: the time of one coroutine's whole life.
void spawn_and_run(benchmark::State& state) {
  constexpr std::int64_t batch = 100;
  run(state.range(0), [&state] {
    std::atomic<std::int64_t> ended = 0;
    std::int64_t spawned = 0;
    for ([[maybe_unused]] auto _ : state) {
      for (std::int64_t i = 0; i < batch; ++i) {
        must(spawn([&ended] { ended.fetch_add(1, std::memory_order_relaxed); }));
      }
      spawned += batch;
      while (ended.load(std::memory_order_relaxed) < spawned) yield();
    }
  });
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(spawn_and_run)->Arg(1)->Arg(2)->UseRealTime();

// How late a sleep of 1 ms ends: the counter, in microseconds, is what counts here.
void sleep_of_a_millisecond(benchmark::State& state) {
  os::Nanoseconds late_ns = 0;
  run(state.range(0), [&] {
    for ([[maybe_unused]] auto _ : state) {
      const os::Nanoseconds until_ns = os::monotonic_ns() + os::ns_per_ms;
      must(sleep_until(until_ns));
      late_ns += os::monotonic_ns() - until_ns;
    }
  });
  state.counters["late_us"] =
      benchmark::Counter(static_cast<double>(late_ns) / 1000.0, benchmark::Counter::kAvgIterations);
}
BENCHMARK(sleep_of_a_millisecond)->Arg(1)->Arg(2)->UseRealTime();

// A timer is armed and cancelled while `range` others wait.
void timer_arm_and_cancel(benchmark::State& state) {
  TimerHeap heap;
  std::vector<std::unique_ptr<Timer>> others;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    others.push_back(std::make_unique<Timer>());
    heap.arm(*others.back(), os::ns_per_s + i * 7919 % 100'000, {1, 0});
  }
  Timer timer;
  os::Nanoseconds when_ns = os::ns_per_s;
  for ([[maybe_unused]] auto _ : state) {
    heap.arm(timer, when_ns, {1, 0});
    timer.cancel();
    when_ns = os::ns_per_s + (when_ns * 31 + 7) % 100'000;
  }
  for (auto& other : others) other->cancel();
}
BENCHMARK(timer_arm_and_cancel)->Arg(0)->Arg(1000)->Arg(100'000);

}  // namespace
}  // namespace c1m::runtime
