// The block of a wait's sources becomes something else as soon as the wait has taken its timer and
// its link back, while heaps fire, timers move and a context is cancelled: nobody touches it then.
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <gtest/gtest.h>

#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/wait_sources.hpp"

namespace c1m::runtime {
namespace {

using model::Machine;

constexpr std::byte other_use{0xa5};

// The order of calls is that of Wait.
bool nobody_touches_what_is_given_back(Machine& machine) {
  TimerHeap surplus;
  TimerHeap first;
  CancelState cancel;
  alignas(WaitSources) std::array<std::byte, sizeof(WaitSources)> block{};
  constexpr std::uint32_t rounds = 3;
  bool intact = true;
  const auto owner = [&] {
    for (std::uint32_t round = 0; round < rounds; ++round) {
      auto* const mine = std::construct_at(reinterpret_cast<WaitSources*>(block.data()));
      surplus.arm(mine->timer, 1, {1, round});
      const bool added = cancel.add(mine->link, {WakeToken(1, round), nullptr});
      mine->timer.cancel();
      if (added) cancel.remove(mine->link);
      std::destroy_at(mine);
      block.fill(other_use);
      for (int look = 0; look < 3; ++look) {
        static_cast<void>(cancel.error());  // others may go on here
        for (const std::byte each : block) intact &= each == other_use;
      }
    }
  };
  const auto is_of_a_wait = [](WakeToken token) {
    return token.coroutine_index() == 1 && token.epoch() < rounds;
  };
  const auto firer = [&] {
    std::array<WakeToken, 1> due{};
    for (std::uint32_t round = 0; round < rounds; ++round) {
      for (TimerHeap* heap : {&surplus, &first}) {
        if (heap->take_due(3, due) == 1) intact &= is_of_a_wait(due[0]);
      }
    }
  };
  const auto mover = [&] { surplus.move_all_to(first); };
  const auto canceller = [&] {
    cancel.cancel(ECANCELED, os::Error{ECANCELED, "test"},
                  [&](const Waker& waker) { intact &= is_of_a_wait(waker.token()); });
  };
  return machine.run({owner, firer, mover, canceller}) && intact && surplus.size() == 0 &&
         first.size() == 0 && !cancel.has_waiters();
}

TEST(WaitSourcesModel, NobodyTouchesABlockThatIsGivenBack) {
  model::expect_holds(nobody_touches_what_is_given_back);
}

}  // namespace
}  // namespace c1m::runtime
