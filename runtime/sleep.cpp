// A wait whose only source is a timer; see sleep.hpp.
#include "runtime/sleep.hpp"

#include <algorithm>

#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {

os::Result<void> sleep_for(os::Nanoseconds duration_ns) {
  const os::Nanoseconds now_ns = os::monotonic_ns();
  return sleep_until(duration_ns > TimerHeap::never - now_ns ? TimerHeap::never
                                                             : now_ns + duration_ns);
}

os::Result<void> sleep_until(os::Nanoseconds deadline_ns) {
  Scheduler& scheduler = worker_of_caller().scheduler();
  if (scheduler.stopped()) return os::fail(ECANCELED, "sleep");
  if (deadline_ns <= os::monotonic_ns()) {
    yield();
    return {};
  }
  Wait wait;
  // The last moment that a timer can have; `never` means an empty heap.
  wait.end_at(std::min(deadline_ns, TimerHeap::never - 1));
  // stop() takes the timers out after it has set its flag: either it finds this one, or this sees
  // the flag, because both go through the heap's lock.
  if (scheduler.stopped()) {
    wait.cancel();
  } else {
    wait.park();
  }
  if (scheduler.stopped() && os::monotonic_ns() < deadline_ns) return os::fail(ECANCELED, "sleep");
  return {};
}

}  // namespace c1m::runtime
