// One wait of the running coroutine, from any number of sources: get the token, give it to each
// source, park, take it back from each. A source that fires before park() is not lost: park()
// returns at once. Invariants: after park() or cancel() the token wakes nobody; every Wait ends by
// one of them. Threads: the coroutine.
#pragma once

#include "os/clock.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// The worker that runs the calling coroutine; asserts that a coroutine calls.
[[nodiscard]] Worker& worker_of_caller();

class Wait {
 public:
  // The calling thread must be running a coroutine. The reason and the number of the object that is
  // waited for are what a dump shows.
  explicit Wait(WaitReason reason, std::uint32_t object = 0)
      : worker_(&worker_of_caller()), coroutine_(worker_->current()), token_(coroutine_.token()) {
    coroutine_.note.write(reason, object, worker_->recent_ns());
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (in_force(Safeguard::timer_cancel)) coroutine_.timer.cancel();
    if (cancel_state_ != nullptr) cancel_state_->remove(coroutine_.cancel_link);
  }

  [[nodiscard]] WakeToken token() const { return token_; }
  [[nodiscard]] Coroutine& coroutine() const { return coroutine_; }
  [[nodiscard]] Scheduler& scheduler() const { return worker_->scheduler(); }

  // Time as a source: the wait ends at `when_ns`. At most once.
  void end_at(os::Nanoseconds when_ns) {
    worker_->processor().timers.arm(coroutine_.timer, when_ns, token_);
  }

  // Cancelling as a source; false when `context` is cancelled already. At most once. The context
  // must be there as long as this object.
  [[nodiscard]] bool end_on(const Context& context) {
    if (!context.state_) return true;
    if (!context.state_->add(coroutine_.cancel_link, token_, &scheduler())) return false;
    cancel_state_ = context.state_.get();
    return true;
  }

  void park() { worker_->park(); }
  void cancel() { coroutine_.wait.cancel_wait(); }

 private:
  Worker* worker_;  // of the time before park()
  Coroutine& coroutine_;
  const WakeToken token_;
  CancelState* cancel_state_ = nullptr;  // that has the link
};

}  // namespace c1m::runtime
