// The mutex's word and list (lock_word.hpp) under thousands of schedules by chance: exclusion, no
// waiter forgotten, the starved one served. The calls come in the order of mutex.cpp.
#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "runtime/lock_word.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

struct Waiter {
  Waiter* next = nullptr;
  bool woken = false;
};

using Word = LockWord<Waiter>;

// What a mutant of the user of the word does wrong.
enum class Mutant : std::uint8_t {
  none,
  no_wake,            // unlock() returns a waiter whom nobody wakes
  woken_comes_first,  // a waiter that was woken comes back as if it were new: `woken` stays
  no_take_handed,     // a waiter to whom the lock was handed does not look for that
};

struct Scene {
  Machine& machine;
  Mutant mutant;
  bool always_starving;
  Word word{};
  int inside = 0;
  int most_inside = 0;
  int turns = 0;

  void lock(Waiter& self) {
    if (word.try_lock()) return;
    for (auto arrival = Word::Arrival::first;;) {
      if (word.lock_or_wait(self, arrival)) return;
      machine.wait_until([&self] { return self.woken; });
      self.woken = false;
      if (mutant != Mutant::no_take_handed && word.take_handed()) return;
      if (word.try_lock_woken()) return;
      arrival = always_starving ? Word::Arrival::starving : Word::Arrival::woken;
      if (mutant == Mutant::woken_comes_first) arrival = Word::Arrival::first;
    }
  }

  void unlock() {
    Waiter* waiter = word.unlock();
    if (waiter == nullptr || mutant == Mutant::no_wake) return;
    machine.system_call();  // a wake-up passes on what was done before
    waiter->woken = true;
  }

  void body() {
    Waiter self;
    for (int i = 0; i < 3; ++i) {
      lock(self);
      most_inside = std::max(most_inside, ++inside);
      ++turns;
      machine.step();
      --inside;
      unlock();
    }
  }
};

template <Mutant mutant, bool always_starving = false>
bool mutex_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant, .always_starving = always_starving};
  const auto body = [&scene] { scene.body(); };
  if (!machine.run({body, body, body})) return false;
  return scene.most_inside == 1 && scene.turns == 9 && scene.word.is_idle();
}

TEST(MutexModel, ExcludesAndForgetsNobody) {
  expect_holds(mutex_holds<Mutant::none>);
  expect_holds(mutex_holds<Mutant::none, true>);
}

TEST(MutexModel, NeedsItsCompareAndSwap) {
  expect_found_out(mutex_holds<Mutant::none>, Defect::torn_rmw);
}

TEST(MutexModel, NeedsEveryWake) {
  expect_found_out(mutex_holds<Mutant::no_wake>);
}

TEST(MutexModel, AWokenWaiterMustSayThatItWas) {
  expect_found_out(mutex_holds<Mutant::woken_comes_first>);
}

TEST(MutexModel, AWaiterMustLookForALockHandedOver) {
  expect_found_out(mutex_holds<Mutant::no_take_handed, true>);
}

}  // namespace
}  // namespace c1m::runtime
