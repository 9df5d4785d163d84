// The wait group's word under thousands of schedules by chance: each waiter is woken once, after
// the last done() and not before. The calls come in the order of wait_group.cpp.
#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/wait_group_word.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

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

template <Mutant mutant>
bool wait_group_holds(Machine& machine) {
  Scene scene{.machine = machine, .mutant = mutant};
  scene.word.add(workers);
  std::vector<std::function<void()>> bodies;
  bodies.reserve(workers + waiters);
  for (std::uint32_t i = 0; i < workers; ++i) bodies.emplace_back([&scene] { scene.work(); });
  for (std::uint32_t i = 1; i <= waiters; ++i) bodies.emplace_back([&scene, i] { scene.wait(i); });
  if (!machine.run(std::move(bodies))) return false;
  return !scene.went_on_too_early && !scene.woken_twice && scene.word.is_zero();
}

TEST(WaitGroupModel, WakesEachWaiterOnceAndAfterTheLast) {
  expect_holds(wait_group_holds<Mutant::none>);
}

TEST(WaitGroupModel, NeedsItsCompareAndSwap) {
  expect_found_out(wait_group_holds<Mutant::none>, Defect::torn_rmw);
}

TEST(WaitGroupModel, AllOfTheListMustBeWoken) {
  expect_found_out(wait_group_holds<Mutant::first_only>);
}

TEST(WaitGroupModel, AWaiterMustKeepWhoWaitedBefore) {
  expect_found_out(wait_group_holds<Mutant::link_forgotten>);
}

}  // namespace
}  // namespace c1m::runtime
