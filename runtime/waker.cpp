// Ending a wait where it is, and sending its waiter on; see waker.hpp.
#include "runtime/waker.hpp"

#include "runtime/scheduler.hpp"
#include "runtime/thread_waiter.hpp"

namespace c1m::runtime {

EndedWait Waker::end() const {
  EndedWait ended;
  if (!token_) return ended;
  if (token_.coroutine_index() == thread_index) {
    ended.thread_ = thread_->end(token_.epoch(), ended.ended_) ? thread_ : nullptr;
  } else {
    ended.scheduler_ = scheduler_;
    ended.ended_ = scheduler_->end_wait(token_, ended.coroutine_);
  }
  return ended;
}

void EndedWait::deliver() const {
  if (coroutine_ != nullptr) {
    scheduler_->queue_woken(*coroutine_);
  } else if (thread_ != nullptr) {
    thread_->signal();
  }
}

}  // namespace c1m::runtime
