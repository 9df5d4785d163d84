// A tree of three contexts whose root is cancelled while the one in the middle and the lowest come
// and go, under thousands of schedules by chance: a wait on the lowest ends, once, whatever goes
// first, and no state is left.
#include <cerrno>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/cancel_state.hpp"
#include "runtime/model/model_fixture.hpp"
#include "runtime/model/model_machine.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {
namespace {

using model::Defect;
using model::expect_found_out;
using model::expect_holds;
using model::Machine;

Reference<CancelState> below(const Reference<CancelState>& parent) {
  return Reference<CancelState>::adopt(new CancelState(parent, no_deadline, nullptr));
}

// One that makes its contexts below the root, waits on the lowest as wait.hpp does, and drops them.
struct Waiting {
  Machine& machine;
  Reference<CancelState> root;
  WaitState wait{};
  CancelLink link{};
  int queued = 0;
  bool cancelled = false;

  void wake(WakeToken token) {
    if (!token || wait.wake(token.epoch()) != WakeResult::runnable) return;
    machine.system_call();  // a wake-up passes on what was done before
    ++queued;
  }

  void body() {
    wait.set(CoroutineState::running);
    auto middle = below(root);
    const auto lowest = below(middle);
    middle = {};  // the lowest alone refers to it
    root = {};
    const WakeToken token(1, wait.epoch());
    if (!lowest->add(link, {token, nullptr})) {
      wait.cancel_wait();
    } else if (wait.park()) {
      machine.wait_until([this] { return queued > 0; });
      --queued;
      wait.set(CoroutineState::running);
    }
    lowest->remove(link);
    cancelled = lowest->error() == ECANCELED;
  }
};

// Comes and goes without waiting: its states are met by cancellers while they are destroyed.
void drop_at_once(Reference<CancelState> root) {
  auto middle = below(root);
  root = {};
  const auto lowest = below(middle);
}

template <Safeguard left_out = Safeguard::monitor>
bool cancel_reaches_all(Machine& machine) {
  if (left_out != Safeguard::monitor) machine.leave_out(left_out);
  auto root = Reference<CancelState>::adopt(new CancelState);
  Waiting waiting{.machine = machine, .root = root};
  const Failure cause = os::Error{EPIPE, "test"};
  const auto canceller = [&waiting, &cause, mine = root] mutable {
    mine->cancel(ECANCELED, cause, [&](const Waker& waker) { waiting.wake(waker.token()); });
    mine = {};
  };
  const auto dropper = [mine = root] mutable { drop_at_once(std::move(mine)); };
  const bool ended = machine.run({[&waiting] { waiting.body(); }, canceller, canceller, dropper});
  return ended && waiting.cancelled && waiting.queued == 0 && !waiting.link.waker &&
         !root->has_states_below();
}

TEST(ContextTreeModel, ACancelReachesWhatComesAndGoes) {
  expect_holds(cancel_reaches_all<>);
}

TEST(ContextTreeModel, TheWayDownIsNeeded) {
  expect_found_out(cancel_reaches_all<Safeguard::cancel_descends>);
}

// A count that is lost shows as a state that is used after its end, or that is never destroyed.
TEST(ContextTreeModel, NeedsItsCompareAndSwap) {
  expect_found_out(cancel_reaches_all<>, Defect::torn_rmw);
}

}  // namespace
}  // namespace c1m::runtime
