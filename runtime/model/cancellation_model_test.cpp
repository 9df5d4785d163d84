// A wait that a cancelling, an edge and a second cancelling may end, under thousands of schedules
// by chance: it ends, once, and leaves no link behind.
#include <cerrno>
#include <tuple>

#include <gtest/gtest.h>

#include "runtime/cancel_state.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/poll_word.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

enum class Waiter : std::uint8_t {
  heeds_refusal,
  parks_although_refused,  // as if add() did not look under its lock
};

// The order of calls is that of wait_once() in pollable.cpp.
template <Waiter mode>
bool cancelled_wait_ends(Machine& machine) {
  CancelState cancel;
  const Failure cause = os::Error{ECANCELED, "test"};
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
    while (cancel.error() == 0) {
      ++rounds;
      std::ignore = word.consume_ready();
      const WakeToken token(1, wait.epoch());
      if (!word.publish(token)) {
        wait.cancel_wait();
        continue;
      }
      const bool added = cancel.add(link, {token, nullptr});
      if (!added && mode != Waiter::parks_although_refused) {
        wait.cancel_wait();
      } else if (wait.park()) {
        machine.wait_until([&queued] { return queued > 0; });
        --queued;
        wait.set(CoroutineState::running);
      }
      word.retract();
      cancel.remove(link);
    }
  };
  const auto poller = [&] { wake(word.edge()); };
  const auto canceller = [&] {
    cancel.cancel(ECANCELED, cause, [&](const Waker& waker) { wake(waker.token()); });
  };
  const bool ended = machine.run({waiter, poller, canceller, canceller});
  return ended && queued == 0 && !cancel.has_waiters() && !link.waker && rounds <= 3;
}

TEST(Model, ACancelledWaitEnds) {
  expect_holds(cancelled_wait_ends<Waiter::heeds_refusal>);
}
TEST(Model, ACancelledWaitNeedsTheLookUnderTheLock) {
  expect_found_out(cancelled_wait_ends<Waiter::parks_although_refused>);
}
TEST(Model, ACancelledWaitNeedsItsCompareAndSwap) {
  expect_found_out(cancelled_wait_ends<Waiter::heeds_refusal>, Defect::torn_rmw);
}

}  // namespace
}  // namespace c1m::runtime
