// Parking for channels with a time or a context; see channel_wait.hpp.
#include "runtime/channel_wait.hpp"

#include <algorithm>
#include <cerrno>

#include "runtime/safeguard.hpp"

namespace c1m::runtime {

void ChannelWait::park_with_sources() {
  // The last moment that a timer can have.
  if (deadline_ns_ != no_deadline) wait_.end_at(std::min(deadline_ns_, TimerHeap::never - 1));
  // As in sleep_until(): Runtime::stop() finds the timer, or this sees its flag.
  const bool timed = deadline_ns_ != no_deadline || context_.deadline_ns() != no_deadline;
  const bool ended = !wait_.end_on(context_) || (timed && wait_.stopped());
  if (ended && in_force(Safeguard::look_after_arming)) {
    wait_.cancel();
  } else {
    wait_.park();
  }
}

int ChannelWait::error_of(ChannelOutcome outcome) const {
  if (outcome == ChannelOutcome::closed) return EPIPE;
  if (const int error = context_.error(); error != 0) return error;
  return is_due() ? ETIMEDOUT : ECANCELED;
}

}  // namespace c1m::runtime
