// How a plain thread waits; see any_wait.hpp.
#include "runtime/any_wait.hpp"

#include "os/assert.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

void AnyWait::begin_on_thread() {
  C1M_ASSERT(current_worker() == nullptr, "a worker waits in its coroutines only");
  thread_ = &ThreadWaiter::take();
  thread_->begin();
}

// Out of the context's list first: then nobody reaches the link.
void AnyWait::end_on_thread() {
  if (cancel_state_ != nullptr) cancel_state_->remove(thread_->link);
  thread_->give_back();
}

bool AnyWait::end_thread_on(const Context& context) {
  CancelState* const state = context.state_.get();
  if (state == nullptr) return true;
  if (!state->add(thread_->link, waker())) return false;
  cancel_state_ = state;
  if (state->clock() == nullptr) end_at(state->deadline_ns());
  return true;
}

}  // namespace c1m::runtime
