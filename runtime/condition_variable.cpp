// Waiting in the list, and leaving it; see condition_variable.hpp.
#include "runtime/condition_variable.hpp"

#include "os/assert.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/wait_block.hpp"

namespace c1m::runtime {

ConditionVariable::~ConditionVariable() {
  C1M_ASSERT(list_.empty(), "a condition variable is destroyed when nobody waits");
}

void ConditionVariable::wait(std::unique_lock<Mutex>& lock) {
  check_reachable(this, "ConditionVariable::wait");
  {
    InWaitBlock<QueuedWaiter> waiter;
    AnyWait wait(WaitReason::condition, this);
    waiter->waker = wait.waker();
    list_.enter(*waiter);
    lock.unlock();
    wait.park();
  }
  lock.lock();
}

os::Result<void> ConditionVariable::wait(std::unique_lock<Mutex>& lock, const Context& context,
                                         os::Nanoseconds deadline_ns) {
  constexpr const char* operation = "ConditionVariable::wait";
  check_reachable(this, operation);
  if (auto allowed = context.check(operation); !allowed) return allowed;
  const bool timed = deadline_ns != no_deadline || context.deadline_ns() != no_deadline;
  bool left = false;
  bool stopped = false;
  {
    InWaitBlock<QueuedWaiter> waiter;
    AnyWait wait(WaitReason::condition, this);
    waiter->waker = wait.waker();
    list_.enter(*waiter);
    lock.unlock();
    // stop() ends waits that have a timer, and has set its flag before it looks for them.
    if (deadline_ns != no_deadline) wait.end_at(deadline_ns);
    if (!wait.end_on(context) || (timed && wait.stopped())) {
      wait.cancel();
    } else {
      wait.park();
    }
    left = list_.leave(*waiter);
    stopped = timed && wait.stopped();
  }
  lock.lock();
  if (!left) return {};
  if (auto allowed = context.check(operation); !allowed) return allowed;
  return os::fail(stopped ? ECANCELED : ETIMEDOUT, operation);
}

void ConditionVariable::notify_waiting_one() {
  decltype(list_)::Ended ended;
  list_.notify_one(ended);
  ended.deliver();
}

void ConditionVariable::notify_waiting_all() {
  decltype(list_)::Ended ended;
  list_.notify_all(ended);
  ended.deliver();
}

}  // namespace c1m::runtime
