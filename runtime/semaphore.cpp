// Waiting in the semaphore's queue, and leaving it; see semaphore.hpp.
#include "runtime/semaphore.hpp"

#include "os/assert.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/wait_block.hpp"

namespace c1m::runtime {

Semaphore::~Semaphore() {
  C1M_ASSERT(word_.free_units() == capacity_ && !word_.has_waiters(),
             "a semaphore is destroyed when all units are back");
}

void Semaphore::wait(std::uint64_t units) {
  C1M_ASSERT(units <= capacity_, "nobody waits for more units than there are");
  InWaitBlock<Waiter> waiter;
  AnyWait wait(WaitReason::semaphore, this);
  waiter->units = units;
  waiter->waker = wait.waker();
  if (word_.acquire_or_wait(*waiter)) {
    wait.cancel();
  } else {
    wait.park();
  }
}

os::Result<void> Semaphore::wait(std::uint64_t units, const Context& context,
                                 os::Nanoseconds deadline_ns) {
  constexpr const char* operation = "Semaphore::acquire";
  C1M_ASSERT(units <= capacity_, "nobody waits for more units than there are");
  if (auto allowed = context.check(operation); !allowed) return allowed;
  InWaitBlock<Waiter> waiter;
  AnyWait wait(WaitReason::semaphore, this);
  waiter->units = units;
  waiter->waker = wait.waker();
  if (word_.acquire_or_wait(*waiter)) {
    wait.cancel();
    return {};
  }
  // stop() ends waits that have a timer, and has set its flag before it looks for them.
  const bool timed = deadline_ns != no_deadline || context.deadline_ns() != no_deadline;
  if (deadline_ns != no_deadline) wait.end_at(deadline_ns);
  if (!wait.end_on(context) || (timed && wait.stopped())) {
    wait.cancel();
  } else {
    wait.park();
  }
  decltype(word_)::Ended ended;
  const bool left = word_.leave(*waiter, ended);
  ended.deliver();
  if (!left) return {};
  if (auto allowed = context.check(operation); !allowed) return allowed;
  return os::fail(timed && wait.stopped() ? ECANCELED : ETIMEDOUT, operation);
}

void Semaphore::serve(std::uint64_t units) {
  decltype(word_)::Ended ended;
  word_.release_to_waiters(units, ended);
  ended.deliver();
}

}  // namespace c1m::runtime
