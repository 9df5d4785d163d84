// What the parts cost that only this runtime has: a switch, a timer in its heap. Operations that
// other runtimes have as well stand in primitives_bench.cpp.
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "os/clock.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/stack_switch.hpp"
#include "runtime/timer_heap.hpp"

namespace c1m::runtime {
namespace {

// There and back: two jumps, with the exception globals exchanged.
void switch_to_a_coroutine_and_back(benchmark::State& state) {
  struct Pair : CoroutineContext {
    ThreadContext* thread = nullptr;
  };
  StackPool stacks(64 * 1024, os::GuardKind::marker);
  ThreadContext thread([](CoroutineContext& context) {
    auto& self = static_cast<Pair&>(context);
    for (;;) self.suspend(*self.thread);
  });
  thread.attach();
  Pair coroutine;
  coroutine.thread = &thread;
  coroutine.prepare(stacks.usable(*stacks.take()));
  for ([[maybe_unused]] auto _ : state) coroutine.resume(thread);
}
BENCHMARK(switch_to_a_coroutine_and_back);

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
