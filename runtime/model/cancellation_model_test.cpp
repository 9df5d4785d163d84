// A wait that a cancelling, an edge and a second cancelling may end, under thousands of schedules
// by chance: it ends, once, and leaves no link behind.
#include <cerrno>
#include <cstdlib>
#include <tuple>

#include <gtest/gtest.h>

#include "runtime/cancel_state.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/poll_word.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::Machine;

constexpr std::uint64_t seeds = 3000;

enum class Waiter : std::uint8_t {
  heeds_refusal,
  parks_although_refused,  // as if add() did not look under its lock
};

// The order of calls is that of wait_once() in pollable.cpp.
bool cancelled_wait_ends(Machine& machine, Waiter mode) {
  CancelState cancel;
  PollWord word;
  WaitState wait;
  wait.set(CoroutineState::running);
  CancelLink link;
  int queued = 0;
  int rounds = 0;
  const auto wake = [&](WakeToken token) {
    if (token && wait.wake(token.epoch()) == WakeResult::runnable) ++queued;
  };
  const auto waiter = [&] {
    while (cancel.cause() == 0) {
      ++rounds;
      std::ignore = word.consume_ready();
      const WakeToken token(1, wait.epoch());
      if (!word.publish(token)) {
        wait.cancel_wait();
        continue;
      }
      const bool added = cancel.add(link, token, nullptr);
      if (!added && mode != Waiter::parks_although_refused) {
        wait.cancel_wait();
      } else if (wait.park()) {
        machine.wait_until([&queued] { return queued > 0; });
        --queued;
        wait.set(CoroutineState::running);
      }
      word.retract(token);
      cancel.remove(link);
    }
  };
  const auto poller = [&] { wake(word.edge()); };
  const auto canceller = [&] {
    cancel.cancel(ECANCELED, [&](Scheduler*, WakeToken token) { wake(token); });
  };
  const bool ended = machine.run({waiter, poller, canceller, canceller});
  return ended && queued == 0 && !cancel.has_waiters() && !link.token && rounds <= 3;
}

bool every_schedule_holds(Waiter mode, Defect defect) {
  if (const char* replay = std::getenv("C1M_MODEL_SEED")) {
    Machine machine(std::strtoull(replay, nullptr, 10), defect);
    return cancelled_wait_ends(machine, mode);
  }
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    Machine machine(seed, defect);
    if (cancelled_wait_ends(machine, mode)) continue;
    if (defect == Defect::none && mode == Waiter::heeds_refusal) {
      ADD_FAILURE() << "replay with C1M_MODEL_SEED=" << seed;
    }
    return false;
  }
  return true;
}

TEST(Model, ACancelledWaitEnds) {
  EXPECT_TRUE(every_schedule_holds(Waiter::heeds_refusal, Defect::none));
}
TEST(Model, ACancelledWaitNeedsTheLookUnderTheLock) {
  EXPECT_FALSE(every_schedule_holds(Waiter::parks_although_refused, Defect::none));
}
TEST(Model, ACancelledWaitNeedsItsCompareAndSwap) {
  EXPECT_FALSE(every_schedule_holds(Waiter::heeds_refusal, Defect::torn_rmw));
}

}  // namespace
}  // namespace c1m::runtime
