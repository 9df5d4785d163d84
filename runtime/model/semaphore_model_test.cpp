// The weighted semaphore's word (semaphore_word.hpp) under thousands of schedules by chance: never
// more units out than there are, none lost, also when waiters give up at the moment at which they
// are served. The calls come in the order of semaphore.cpp.
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/model/model_waiter.hpp"
#include "runtime/semaphore_word.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

struct Waiter : model::ModelWaiter<Waiter> {
  std::uint64_t units = 0;
};

enum class Mutant : std::uint8_t {
  none,
  no_wake,  // those that were served are not told
};

constexpr std::uint64_t capacity = 3;

struct Scene {
  Machine& machine;
  Mutant mutant;
  SemaphoreWord<Waiter> word{capacity};
  std::uint64_t out = 0;
  bool holds = true;

  void deliver(const SemaphoreWord<Waiter>::Ended& ended) {
    if (mutant != Mutant::no_wake) ended.deliver();
  }

  // False: it has given up.
  bool acquire(std::uint64_t units, bool patient) {
    if (word.try_acquire(units)) return true;
    Waiter self;
    self.units = units;
    if (word.acquire_or_wait(self)) return true;
    const auto patience_ns = static_cast<os::Nanoseconds>(machine.random() % 5);
    self.park(machine, patient ? Machine::never : machine.now_ns() + patience_ns);
    if (patient) return true;
    SemaphoreWord<Waiter>::Ended ended;
    if (!word.leave(self, ended)) return true;
    deliver(ended);
    return false;
  }

  void release(std::uint64_t units) {
    if (word.release_to_nobody(units)) return;
    SemaphoreWord<Waiter>::Ended ended;
    word.release_to_waiters(units, ended);
    deliver(ended);
  }

  void use(std::uint64_t units, bool patient) {
    if (!acquire(units, patient)) return;
    out += units;
    if (out > capacity) holds = false;
    machine.step();
    out -= units;
    release(units);
  }
};

template <Mutant mutant>
bool semaphore_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant};
  const auto small = [&scene] {
    for (int i = 0; i < 3; ++i) scene.use(1, i != 1);
  };
  const auto large = [&scene] {
    for (int i = 0; i < 2; ++i) scene.use(capacity, i != 0);
  };
  const auto middle = [&scene] {
    for (int i = 0; i < 2; ++i) scene.use(2, i == 0);
  };
  if (!machine.run({small, small, large, middle})) return false;
  return scene.holds && scene.word.free_units() == capacity && !scene.word.has_waiters();
}

// One keeps a unit until the small ones have been served; the large one before them gives up.
bool leaving_lets_in(Machine& machine) {
  Scene scene{.machine = machine, .mutant = Mutant::none};
  int served = 0;
  const auto keeps = [&] {
    if (!scene.acquire(1, true)) scene.holds = false;
    machine.wait_until([&served] { return served == 2; });
    scene.release(1);
  };
  const auto large = [&] { scene.use(capacity, false); };
  const auto small = [&] {
    scene.use(1, true);
    machine.system_call();
    ++served;
  };
  if (!machine.run({keeps, large, small, small})) return false;
  return scene.holds && scene.word.free_units() == capacity;
}

bool without_passing_on(Machine& machine) {
  machine.leave_out(Safeguard::semaphore_passes);
  return leaving_lets_in(machine);
}

bool without_keeping(Machine& machine) {
  machine.leave_out(Safeguard::semaphore_keeps);
  return semaphore_holds<Mutant::none>(machine);
}

TEST(SemaphoreModel, LosesAndInventsNoUnit) {
  expect_holds(semaphore_holds<Mutant::none>);
}

TEST(SemaphoreModel, NeedsItsCompareAndSwap) {
  expect_found_out(semaphore_holds<Mutant::none>, Defect::torn_rmw);
}

TEST(SemaphoreModel, AllThatAreServedMustBeTold) {
  expect_found_out(semaphore_holds<Mutant::no_wake>);
}

TEST(SemaphoreModel, WhoLeavesLetsThoseBehindItIn) {
  expect_holds(leaving_lets_in);
  expect_found_out(without_passing_on);
}

TEST(SemaphoreModel, WhoWasServedKeepsItsUnits) {
  expect_found_out(without_keeping);
}

}  // namespace
}  // namespace c1m::runtime
