// The wait group's word under thousands of schedules by chance: each waiter is woken once, after
// the last done() and not before. The calls come in the order of wait_group.cpp.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/model/model_machine.hpp"
#include "runtime/wait_group_word.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::Machine;

constexpr std::uint64_t seeds = 3000;

// What a mutant of the user of the word does wrong.
enum class Mutant : std::uint8_t {
  none,
  first_only,      // of a list of waiters only the first is woken
  link_forgotten,  // a waiter does not keep who waited before it
};

constexpr std::uint32_t workers = 3;
constexpr std::uint32_t waiters = 3;

struct Waiter {
  std::uint32_t next = 0;
  int woken = 0;
};

struct Scene {
  Machine& machine;
  Mutant mutant;
  WaitGroupWord word{};
  std::array<Waiter, waiters + 1> list{};  // by index, from 1
  std::uint32_t done = 0;
  bool went_on_too_early = false;
  bool woken_twice = false;

  void work() {
    ++done;
    for (std::uint32_t index = word.done(); index != 0;) {
      Waiter& waiter = list[index];
      const std::uint32_t next = mutant == Mutant::first_only ? 0 : waiter.next;
      if (++waiter.woken > 1) woken_twice = true;
      index = next;
    }
  }

  void wait(std::uint32_t index) {
    Waiter& self = list[index];
    const bool entered = word.enter(index, [&](std::uint32_t first) {
      if (mutant != Mutant::link_forgotten) self.next = first;
    });
    if (entered) machine.wait_until([&self] { return self.woken == 1; });
    if (done != workers) went_on_too_early = true;
  }
};

bool wait_group_holds(Machine& machine, Mutant mutant) {
  Scene scene{.machine = machine, .mutant = mutant};
  scene.word.add(workers);
  std::vector<std::function<void()>> bodies;
  bodies.reserve(workers + waiters);
  for (std::uint32_t i = 0; i < workers; ++i) bodies.emplace_back([&scene] { scene.work(); });
  for (std::uint32_t i = 1; i <= waiters; ++i) bodies.emplace_back([&scene, i] { scene.wait(i); });
  if (!machine.run(std::move(bodies))) return false;
  return !scene.went_on_too_early && !scene.woken_twice && scene.word.is_zero();
}

std::uint64_t first_failing_seed(Defect defect, Mutant mutant) {
  if (const char* replay = std::getenv("C1M_MODEL_SEED")) {
    Machine machine(std::strtoull(replay, nullptr, 10), defect);
    return wait_group_holds(machine, mutant) ? seeds : 0;
  }
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Machine machine(seed, defect);
    if (!wait_group_holds(machine, mutant)) return seed;
  }
  return seeds;
}

TEST(WaitGroupModel, WakesEachWaiterOnceAndAfterTheLast) {
  const std::uint64_t seed = first_failing_seed(Defect::none, Mutant::none);
  EXPECT_EQ(seed, seeds) << "replay with C1M_MODEL_SEED=" << seed;
}

TEST(WaitGroupModel, NeedsItsCompareAndSwap) {
  // Either a waiter is lost, or one done() too many is seen, which asserts.
  EXPECT_DEATH(if (first_failing_seed(Defect::torn_rmw, Mutant::none) < seeds) std::abort(), "");
}

TEST(WaitGroupModel, AllOfTheListMustBeWoken) {
  EXPECT_LT(first_failing_seed(Defect::none, Mutant::first_only), seeds);
}

TEST(WaitGroupModel, AWaiterMustKeepWhoWaitedBefore) {
  EXPECT_LT(first_failing_seed(Defect::none, Mutant::link_forgotten), seeds);
}

}  // namespace
}  // namespace c1m::runtime
