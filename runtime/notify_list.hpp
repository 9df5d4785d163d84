// Those that wait on a condition variable, in the order in which they came.
// Invariants: a notification is given to one waiter, which keeps it also when its time is up or it
// is cancelled at that moment; so none is lost to somebody that has left. `count_` is the length of
// the queue: who notifies without the mutex has taken and given it up since the waiter entered, or
// the waiter has seen what was changed. Threads: any; enter() with the user's mutex held. Not here:
// parking and waking (condition.cpp), so that the model machine runs this as it is.
#pragma once

#include <cstdint>
#include <mutex>

#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/waiter_queue.hpp"

namespace c1m::runtime {

// `Waiter` is one of WaiterQueue with end(), which ends its wait and returns that as an Ended
// (EndedWaits).
template <class Waiter>
class NotifyList {
 public:
  using Ended = EndedWaits<typename Waiter::Ended>;

  void enter(Waiter& waiter) {
    const std::lock_guard guard(queue_mutex_);
    queue_.append(waiter);
    set_count(+1);
  }

  // Ends the wait of the one that has waited longest, or of all; the caller delivers it.
  void notify_one(Ended& ended) { notify(1, ended); }
  void notify_all(Ended& ended) { notify(UINT32_MAX, ended); }

  // The wait of `waiter` has ended, perhaps by something else. False: it has been notified.
  [[nodiscard]] bool leave(Waiter& waiter) {
    const std::lock_guard guard(queue_mutex_);
    if (!waiter.queued) return !in_force(Safeguard::notified_stays);
    queue_.remove(waiter);
    set_count(-1);
    return true;
  }

  // Before a notification, without the lock. Relaxed: the user's mutex orders the look.
  [[nodiscard]] bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  void notify(std::uint32_t most, Ended& ended) {
    const std::lock_guard guard(queue_mutex_);
    for (; most > 0; --most) {
      Waiter* const waiter = queue_.take_first();
      if (waiter == nullptr) break;
      set_count(-1);
      ended.add(waiter->end());  // the last touch: it may be gone
    }
  }

  void set_count(int by) {
    count_.store(count_.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(by),
                 std::memory_order_relaxed);
  }

  Atomic<std::uint32_t> count_ = 0;  // written under queue_mutex_
  ThreadMutex queue_mutex_;
  WaiterQueue<Waiter> queue_;  // guarded by queue_mutex_
};

}  // namespace c1m::runtime
