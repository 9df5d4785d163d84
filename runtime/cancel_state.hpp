// Whether something has been cancelled, and the waits that this shall end.
// Invariants: a wait that was added before the cancelling is woken by it, one that comes later is
// refused; after remove() nobody touches the link. Everything that decides happens under one lock,
// and waking too, so that a waiter that leaves has seen the end of it.
// Threads: any; a link belongs to the coroutine that waits. Not here: who may hold such a state,
// and for how long (cancellation.hpp).
#pragma once

#include <mutex>
#include <utility>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

class Scheduler;

// In the record of a coroutine; a coroutine waits once at a time.
struct CancelLink {
  CancelLink* previous = nullptr;
  CancelLink* next = nullptr;
  WakeToken token;  // empty while the link is in no list
};

class CancelState {
 public:
  // An errno, or 0 while nothing is cancelled. Acquire: what the canceller did before is visible.
  [[nodiscard]] int cause() const { return cause_.load(std::memory_order_acquire); }

  // The wait of `token`, in that scheduler, shall end. False when it was cancelled before.
  [[nodiscard]] bool add(CancelLink& link, WakeToken token, Scheduler* scheduler) {
    const std::lock_guard lock(mutex_);
    if (cause_.load(std::memory_order_relaxed) != 0) return false;
    C1M_ASSERT(first_ == nullptr || scheduler_ == scheduler, "a context serves one runtime");
    scheduler_ = scheduler;
    link.token = token;
    link.previous = nullptr;
    link.next = std::exchange(first_, &link);
    if (link.next != nullptr) link.next->previous = &link;
    return true;
  }

  // The wait has ended, whatever ended it.
  void remove(CancelLink& link) {
    const std::lock_guard lock(mutex_);
    if (link.token) take_out(link);
  }

  // Calls wake(scheduler, token) for each wait. Only the first cause counts.
  template <class Wake>
  void cancel(int cause, Wake wake) {
    const std::lock_guard lock(mutex_);
    if (cause_.load(std::memory_order_relaxed) != 0) return;
    cause_.store(cause, std::memory_order_release);
    while (first_ != nullptr) {
      const WakeToken token = first_->token;
      take_out(*first_);
      wake(scheduler_, token);
    }
  }

  [[nodiscard]] bool has_waiters() const {
    const std::lock_guard lock(mutex_);
    return first_ != nullptr;
  }

 private:
  void take_out(CancelLink& link) {
    link.token = {};
    if (link.next != nullptr) link.next->previous = link.previous;
    (link.previous != nullptr ? link.previous->next : first_) = link.next;
  }

  Atomic<int> cause_ = 0;
  mutable ThreadMutex mutex_;
  CancelLink* first_ = nullptr;     // guarded by mutex_, as the next
  Scheduler* scheduler_ = nullptr;  // of the waits in the list
};

}  // namespace c1m::runtime
