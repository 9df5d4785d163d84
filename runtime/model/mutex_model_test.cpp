// The mutex's word and list (lock_word.hpp) under thousands of schedules by chance: exclusion, no
// waiter forgotten, the starved one served. The calls come in the order of mutex.cpp.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>

#include "runtime/lock_word.hpp"
#include "runtime/model/model_machine.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::Machine;

constexpr std::uint64_t seeds = 3000;

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
    if (waiter != nullptr && mutant != Mutant::no_wake) waiter->woken = true;
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

bool mutex_holds(Machine& machine, Mutant mutant, bool always_starving) {
  Scene scene{.machine = machine, .mutant = mutant, .always_starving = always_starving};
  const auto body = [&scene] { scene.body(); };
  if (!machine.run({body, body, body})) return false;
  return scene.most_inside == 1 && scene.turns == 9 && scene.word.is_idle();
}

std::uint64_t first_failing_seed(Defect defect, Mutant mutant, bool always_starving) {
  if (const char* replay = std::getenv("C1M_MODEL_SEED")) {
    Machine machine(std::strtoull(replay, nullptr, 10), defect);
    return mutex_holds(machine, mutant, always_starving) ? seeds : 0;
  }
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Machine machine(seed, defect);
    if (!mutex_holds(machine, mutant, always_starving)) return seed;
  }
  return seeds;
}

TEST(MutexModel, ExcludesAndForgetsNobody) {
  for (const bool always_starving : {false, true}) {
    const std::uint64_t seed = first_failing_seed(Defect::none, Mutant::none, always_starving);
    EXPECT_EQ(seed, seeds) << "replay with C1M_MODEL_SEED=" << seed;
  }
}

TEST(MutexModel, NeedsItsCompareAndSwap) {
  // Either two are inside, or unlock() finds the lock open and asserts.
  EXPECT_DEATH(if (first_failing_seed(Defect::torn_rmw, Mutant::none, false) < seeds) std::abort(),
               "");
}

TEST(MutexModel, NeedsEveryWake) {
  EXPECT_LT(first_failing_seed(Defect::none, Mutant::no_wake, false), seeds);
}

TEST(MutexModel, AWokenWaiterMustSayThatItWas) {
  EXPECT_LT(first_failing_seed(Defect::none, Mutant::woken_comes_first, false), seeds);
}

TEST(MutexModel, AWaiterMustLookForALockHandedOver) {
  EXPECT_LT(first_failing_seed(Defect::none, Mutant::no_take_handed, true), seeds);
}

}  // namespace
}  // namespace c1m::runtime
