// What changing the number of processors adds to the words: timers that move from heap to heap, and
// a worker that leaves while others fall asleep. The calls come in the order of
// processor_change.cpp.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>

#include <gtest/gtest.h>

#include "runtime/idle_workers.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/timer_heap.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::Machine;

constexpr std::uint64_t seeds = 3000;

std::uint64_t first_failing_seed(const std::function<bool(Machine&)>& check) {
  if (const char* replay = std::getenv("C1M_MODEL_SEED")) {
    Machine machine(std::strtoull(replay, nullptr, 10), Defect::none);
    return check(machine) ? seeds : 0;
  }
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Machine machine(seed, Defect::none);
    if (!check(machine)) return seed;
  }
  return seeds;
}

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
  const std::uint64_t seed = first_failing_seed(moving_timer_is_cancelled);
  EXPECT_EQ(seed, seeds) << "replay with C1M_MODEL_SEED=" << seed;
}

struct SleepingWorker {
  bool unparked = false;
};

// One worker leaves its processor while the other two fall asleep: one of those must find that all
// are asleep, because that ends the run.
bool all_asleep_is_noticed(Machine& machine, bool unparks) {
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
    idle.for_each([unparks](Worker& worker) {
      reinterpret_cast<SleepingWorker&>(worker).unparked |= unparks;
    });
  };
  return machine.run({[&] { sleeper(workers[0]); }, [&] { sleeper(workers[1]); }, leaver});
}

TEST(ProcessorChangeModel, TheEndIsNoticedWhenAWorkerLeaves) {
  const std::uint64_t seed =
      first_failing_seed([](Machine& machine) { return all_asleep_is_noticed(machine, true); });
  EXPECT_EQ(seed, seeds) << "replay with C1M_MODEL_SEED=" << seed;
}

TEST(ProcessorChangeModel, WhoLeavesMustUnparkTheOthers) {
  EXPECT_LT(
      first_failing_seed([](Machine& machine) { return all_asleep_is_noticed(machine, false); }),
      seeds);
}

}  // namespace
}  // namespace c1m::runtime
