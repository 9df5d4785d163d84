// Waiting, with a Mutex given up meanwhile, until somebody says that something has changed: as
// std::condition_variable and Go's sync.Cond, with deadlines and contexts.
// Invariants: a notification goes to who has waited longest, and is never lost to a waiter that
// gives up at that moment: that one has then been notified. Without a reason no wait ends.
// Threads: any, coroutines of any runtime and plain threads. Not here: an end of a wait without
// deadline by Runtime::stop(); a notification ends it.
#pragma once

#include <mutex>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/mutex.hpp"
#include "runtime/notify_list.hpp"
#include "runtime/queued_waiter.hpp"

namespace c1m::runtime {

class ConditionVariable {
 public:
  ConditionVariable() = default;
  ConditionVariable(const ConditionVariable&) = delete;
  ConditionVariable& operator=(const ConditionVariable&) = delete;
  // When nobody waits and every call on it has returned; who notifies with the mutex locked has
  // returned when the waiter goes on.
  ~ConditionVariable();

  // Gives the mutex, which the caller has locked, up, parks until notified, and locks it again.
  void wait(std::unique_lock<Mutex>& lock);
  template <class Predicate>
  void wait(std::unique_lock<Mutex>& lock, Predicate holds) {
    while (!holds()) wait(lock);
  }

  // The same, but fails, with the mutex locked, with the context's error() once that is cancelled,
  // with ETIMEDOUT at `deadline_ns` of now_ns() (sleep.hpp; the monotonic clock on a plain thread),
  // and, if there is such a time, with ECANCELED when the coroutine's runtime is stopped.
  [[nodiscard]] os::Result<void> wait(std::unique_lock<Mutex>& lock, const Context& context,
                                      os::Nanoseconds deadline_ns = no_deadline);
  // Succeeds when `holds`, also after a failed wait.
  template <class Predicate>
  [[nodiscard]] os::Result<void> wait(std::unique_lock<Mutex>& lock, const Context& context,
                                      os::Nanoseconds deadline_ns, Predicate holds) {
    while (!holds()) {
      auto waited = wait(lock, context, deadline_ns);
      if (!waited) return holds() ? os::Result<void>() : waited;
    }
    return {};
  }

  // With the mutex locked or not: it has been since what is waited for was changed.
  void notify_one() {
    check_reachable(this, "ConditionVariable::notify_one");
    if (!list_.empty()) notify_waiting_one();
  }
  void notify_all() {
    check_reachable(this, "ConditionVariable::notify_all");
    if (!list_.empty()) notify_waiting_all();
  }

 private:
  void notify_waiting_one();
  void notify_waiting_all();

  NotifyList<QueuedWaiter> list_;
};

}  // namespace c1m::runtime
