// What alarms, delayed calls and tickers cost where nobody waits, and a timer where somebody does:
// Go's time.Timer, AfterFunc and Ticker. Those that peers/go/timers.go has as well take the number
// of processors as their argument; the others have one.
#include <cstdint>

#include <benchmark/benchmark.h>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/alarm.hpp"
#include "runtime/bench_fixture.hpp"
#include "runtime/sleep.hpp"
#include "runtime/ticker.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds later_ns = 10 * os::ns_per_s;

// time.NewTimer and Stop.
void alarm_set_and_stop(benchmark::State& state) {
  run(state.range(0), [&state] {
    for ([[maybe_unused]] auto _ : state) {
      Alarm alarm(later_ns);
      benchmark::DoNotOptimize(alarm.stop());
    }
  });
}
BENCHMARK(alarm_set_and_stop)->Arg(1)->Arg(2)->UseRealTime();

// Reset and Stop of one timer.
void alarm_reset_and_stop(benchmark::State& state) {
  run(state.range(0), [&state] {
    Alarm alarm(later_ns);
    for ([[maybe_unused]] auto _ : state) {
      benchmark::DoNotOptimize(alarm.reset(later_ns));
      benchmark::DoNotOptimize(alarm.stop());
    }
  });
}
BENCHMARK(alarm_reset_and_stop)->Arg(1)->Arg(2)->UseRealTime();

// time.AfterFunc and Stop: here with the coroutine's whole life.
void delayed_call_and_cancel(benchmark::State& state) {
  run(1, [&state] {
    for ([[maybe_unused]] auto _ : state) {
      auto call = call_after(later_ns, [] {});
      C1M_ASSERT(call, "the machine has what this needs");
      yield();  // it parks
      call->cancel();
      yield();  // it ends
    }
  });
}
BENCHMARK(delayed_call_and_cancel);

// Arm, park, jump of the virtual clock, fire, wake: all of a tick but the waiting.
void tick_in_virtual_time(benchmark::State& state) {
  VirtualClock clock;
  run({.clock = &clock}, [&state] {
    Ticker ticker(os::ns_per_ms);
    for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(ticker.wait());
  });
}
BENCHMARK(tick_in_virtual_time);

}  // namespace
}  // namespace c1m::runtime
