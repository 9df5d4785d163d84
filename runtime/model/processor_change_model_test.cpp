// What changing the number of processors adds to the words: timers that move from heap to heap, and
// a worker that leaves while others fall asleep. The calls come in the order of
// processor_change.cpp.
#include <array>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

#include "runtime/idle_workers.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/timer_heap.hpp"

namespace c1m::runtime {
namespace {

using model::expect_found_out;
using model::expect_holds;
using model::Machine;

// A timer is cancelled while it moves and while the heap that it comes to fires: it fires at most
// once for each time that it is armed, and is in no heap in the end.
bool moving_timer_is_cancelled(Machine& machine) {
  TimerHeap surplus;
  TimerHeap first;
  Timer timer;
  Timer other;
  constexpr std::uint32_t rounds = 3;
  std::size_t fired = 0;
  const auto owner = [&] {
    surplus.arm(other, 5, {2, 0});
    for (std::uint32_t round = 0; round < rounds; ++round) {
      surplus.arm(timer, 1, {1, round});
      timer.cancel();
    }
    other.cancel();
  };
  const auto mover = [&] {
    for (std::uint32_t round = 0; round < rounds; ++round) surplus.move_all_to(first);
  };
  const auto firer = [&] {
    std::array<WakeToken, 1> due{};
    for (std::uint32_t round = 0; round < rounds; ++round) fired += first.take_due(3, due);
  };
  if (!machine.run({owner, mover, firer})) return false;
  return fired <= rounds && surplus.size() == 0 && first.size() == 0 &&
         surplus.earliest_ns() == TimerHeap::never && first.earliest_ns() == TimerHeap::never;
}

TEST(ProcessorChangeModel, ATimerIsCancelledWhereverItHasMovedTo) {
  expect_holds(moving_timer_is_cancelled);
}

struct SleepingWorker {
  bool unparked = false;
};

// One worker leaves its processor while the other two fall asleep: one of those must find that all
// are asleep, because that ends the run.
template <bool unparks>
bool all_asleep_is_noticed(Machine& machine) {
  IdleWorkers idle(3);
  // The list keeps pointers only; these stand for workers.
  std::array<SleepingWorker, 2> workers;
  const auto as_worker = [](SleepingWorker& one) -> Worker& {
    return reinterpret_cast<Worker&>(one);
  };
  bool finished = false;
  const auto sleeper = [&](SleepingWorker& self) {
    while (!finished) {
      if (idle.enter(as_worker(self), false)) finished = true;
      machine.wait_until([&] { return self.unparked || finished; });
      self.unparked = false;
      idle.leave(as_worker(self));
    }
  };
  const auto leaver = [&] {
    idle.remove_worker();
    store_load_fence();
    idle.for_each(
        [](Worker& worker) { reinterpret_cast<SleepingWorker&>(worker).unparked |= unparks; });
  };
  return machine.run({[&] { sleeper(workers[0]); }, [&] { sleeper(workers[1]); }, leaver});
}

TEST(ProcessorChangeModel, TheEndIsNoticedWhenAWorkerLeaves) {
  expect_holds(all_asleep_is_noticed<true>);
}

TEST(ProcessorChangeModel, WhoLeavesMustUnparkTheOthers) {
  expect_found_out(all_asleep_is_noticed<false>);
}

}  // namespace
}  // namespace c1m::runtime
