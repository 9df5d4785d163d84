// Cancelling, and looking at deadlines; see cancellation.hpp.
#include "runtime/cancellation.hpp"

#include <algorithm>

#include "os/assert.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/platform.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/thread_state.hpp"

namespace c1m::runtime {
namespace {

void cancel_state(CancelState& state, int error, const Failure& cause) {
  state.cancel(error, cause, [](const Waker& waker) {
    if (in_force(Safeguard::cancel_interrupts)) waker.wake();
  });
}

os::Nanoseconds time_of(const os::Clock* clock) {
  return clock == nullptr ? platform::monotonic_ns() : clock->now_ns();
}

// The virtual clock of the caller's runtime; nullptr: the monotonic one.
const os::Clock* clock_of_caller() {
  Worker* const worker = current_worker();
  return worker == nullptr ? nullptr : worker->scheduler().virtual_clock();
}

}  // namespace

// Whoever first sees that the deadline has passed cancels the state with those below, so that a
// cancel() which comes later does not change the cause.
int Context::error_of_state() const {
  check_reachable(this, "Context");
  const int error = state_->error();
  const os::Nanoseconds deadline_ns = state_->deadline_ns();
  if (error != 0 || deadline_ns == no_deadline) return error;
  if (time_of(state_->clock()) < deadline_ns) return 0;
  cancel_state(*state_, ETIMEDOUT, os::Error{ETIMEDOUT, "deadline"});
  return state_->error();
}

void Context::wait() const {
  C1M_ASSERT(state_, "a context that nobody can cancel is waited for in vain");
  while (!is_cancelled()) {
    AnyWait wait(WaitReason::cancellation);
    // As in sleep_until(): Runtime::stop() finds the timer, or this sees its flag.
    const bool has_deadline = wait.end_on(*this) && deadline_ns() != no_deadline;
    if (is_cancelled() || (has_deadline && wait.stopped())) {
      wait.cancel();
      return;
    }
    wait.park();
  }
}

CancelSource::CancelSource(const Context& parent, os::Nanoseconds deadline_ns) {
  const bool earlier = deadline_ns < parent.deadline_ns();
  const os::Clock* const clock =
      earlier || !parent.state_ ? clock_of_caller() : parent.state_->clock();
  context_.state_ = Reference<CancelState>::adopt(
      new CancelState(parent.state_, std::min(deadline_ns, parent.deadline_ns()), clock));
  context_.values_ = parent.values_;
}

CancelSource CancelSource::with_deadline(os::Nanoseconds deadline_ns, const Context& parent) {
  return {parent, deadline_ns};
}

CancelSource CancelSource::with_timeout(os::Nanoseconds duration_ns, const Context& parent) {
  const os::Nanoseconds begin_ns = time_of(clock_of_caller());
  return {parent, duration_ns > no_deadline - begin_ns ? no_deadline : begin_ns + duration_ns};
}

void CancelSource::cancel(const Failure& cause) const {
  check_reachable(this, "CancelSource::cancel");
  cancel_state(*context_.state_, ECANCELED, cause);
}

}  // namespace c1m::runtime
