// A ticker is arithmetic: which ticks have come follows from the time. Only who waits arms a timer,
// the one in its own record. See ticker.hpp.
#include "runtime/ticker.hpp"

#include <utility>

#include "os/assert.hpp"
#include "runtime/sleep.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

Ticker::Ticker(os::Nanoseconds period_ns) {
  reset(period_ns);
}

Ticker::~Ticker() {
  C1M_ASSERT(!waiter_, "nobody waits for a ticker that goes");
}

os::Result<os::Nanoseconds> Ticker::wait() {
  if (worker_of_caller().spend_budget()) worker_of_caller().yield();
  for (;;) {
    Wait wait(WaitReason::ticker);
    Scheduler& scheduler = wait.scheduler();
    os::Nanoseconds until_ns = 0;
    {
      const std::lock_guard lock(mutex_);
      C1M_ASSERT(!waiter_, "one coroutine at a time waits for a ticker");
      // A stop comes first, or a receiver that is always late would never learn of it.
      const bool stopped = stopped_ || scheduler.stopped();
      os::Nanoseconds tick_ns = 0;
      if (stopped || take_tick(scheduler.now_ns(), tick_ns)) {
        wait.cancel();
        if (stopped) return os::fail(ECANCELED, "Ticker::wait");
        return tick_ns;
      }
      // From here on stop() and reset() find whom to wake, and have not changed what was read.
      waiter_ = wait.token();
      until_ns = next_ns_;
    }
    wait.end_at(until_ns);
    // As in sleep_until(): Runtime::stop() finds the timer, or this sees its flag.
    if (scheduler.stopped()) {
      wait.cancel();
    } else {
      wait.park();
    }
    const std::lock_guard lock(mutex_);
    waiter_ = {};
  }
}

bool Ticker::take_tick(os::Nanoseconds now_ns, os::Nanoseconds& tick_ns) {
  if (now_ns < next_ns_) return false;
  tick_ns = next_ns_;
  const os::Nanoseconds missed = (now_ns - next_ns_) / period_ns_;
  dropped_ += static_cast<std::uint64_t>(missed);
  next_ns_ += (missed + 1) * period_ns_;
  return true;
}

// stop() and reset() wake the waiter, which looks again at what has changed and takes its token out
// itself; they touch the ticker for the last time before, so that it may go as soon as the waiter
// has gone.
void Ticker::stop() {
  WakeToken waiter;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiter = waiter_;
  }
  if (waiter) worker_of_caller().scheduler().wake(waiter);
}

void Ticker::reset(os::Nanoseconds period_ns) {
  C1M_ASSERT(period_ns > 0, "a ticker has a positive period");
  const os::Nanoseconds begin_ns = now_ns();
  const bool endless = period_ns > TimerHeap::never - 1 - begin_ns;
  WakeToken waiter;
  {
    const std::lock_guard lock(mutex_);
    period_ns_ = period_ns;
    next_ns_ = endless ? TimerHeap::never - 1 : begin_ns + period_ns;
    stopped_ = false;
    waiter = waiter_;
  }
  if (waiter) worker_of_caller().scheduler().wake(waiter);
}

std::uint64_t Ticker::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace c1m::runtime
