// A wait whose only source is a timer; see sleep.hpp.
#include "runtime/sleep.hpp"

#include <algorithm>

#include "runtime/safeguard.hpp"
#include "runtime/wait.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {

os::Nanoseconds now_ns() {
  return worker_of_caller().scheduler().now_ns();
}

os::Result<void> sleep_for(os::Nanoseconds duration_ns, const Context& context) {
  const os::Nanoseconds begin_ns = now_ns();
  return sleep_until(
      duration_ns > TimerHeap::never - begin_ns ? TimerHeap::never : begin_ns + duration_ns,
      context);
}

os::Result<void> sleep_until(os::Nanoseconds deadline_ns, const Context& context) {
  Scheduler& scheduler = worker_of_caller().scheduler();
  if (scheduler.stopped()) return os::fail(ECANCELED, "sleep");
  if (auto allowed = context.check("sleep"); !allowed) return allowed;
  if (deadline_ns <= scheduler.now_ns()) {
    yield();
    return {};
  }
  Wait wait(WaitReason::sleep);
  // The last moment that a timer can have; `never` means an empty heap.
  wait.end_at(std::min(deadline_ns, TimerHeap::never - 1));
  // stop() takes the timers out after it has set its flag: either it finds this one, or this sees
  // the flag, because both go through the heap's lock.
  const bool ended = !wait.end_on(context) || scheduler.stopped();
  if (ended && in_force(Safeguard::look_after_arming)) {
    wait.cancel();
  } else {
    wait.park();
  }
  if (!context.is_cancelled() && !scheduler.stopped()) return {};
  if (scheduler.now_ns() >= deadline_ns) return {};
  return os::fail(context.is_cancelled() ? context.error() : ECANCELED, "sleep");
}

}  // namespace c1m::runtime
