// A ticker is arithmetic: which ticks have come follows from the time. Only who waits arms a timer,
// one of the wait's own. See ticker.hpp.
#include "runtime/ticker.hpp"

#include <algorithm>

#include "os/assert.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/sleep.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

namespace {

// The last moment that a timer can have.
constexpr os::Nanoseconds endless_ns = TimerHeap::never - 1;

void wake(WakeToken waiter) {
  if (!waiter || !in_force(Safeguard::ticker_interrupts)) return;
  worker_of_caller().scheduler().wake(waiter);
}

}  // namespace

Ticker::Ticker(os::Nanoseconds period_ns) {
  reset(period_ns);
}

Ticker::Ticker(WaitReason reason, os::Nanoseconds delay_ns) : reason_(reason) {
  reset_once(delay_ns);
}

Ticker::~Ticker() {
  C1M_ASSERT(!waiter_, "nobody waits for a ticker that goes");
}

os::Result<os::Nanoseconds> Ticker::wait(const Context& context) {
  check_reachable(this, "Ticker::wait");
  if (worker_of_caller().spend_budget()) worker_of_caller().yield();
  for (;;) {
    if (const int error = context.error(); error != 0) return os::fail(error, "Ticker::wait");
    Wait wait(reason_);
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
    if (!wait.end_on(context) || scheduler.stopped()) {
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
  if (period_ns_ == 0) {
    next_ns_ = endless_ns;
    return true;
  }
  const os::Nanoseconds missed = (now_ns - next_ns_) / period_ns_;
  dropped_ += static_cast<std::uint64_t>(missed);
  next_ns_ += (missed + 1) * period_ns_;
  return true;
}

// stop() and start() wake the waiter, which looks again at what has changed and takes its token out
// itself; they touch the ticker for the last time before, so that it may go as soon as the waiter
// has gone.
bool Ticker::stop() {
  check_reachable(this, "Ticker::stop");
  WakeToken waiter;
  bool prevented = false;
  {
    const std::lock_guard lock(mutex_);
    prevented = has_tick_to_come();
    stopped_ = true;
    waiter = waiter_;
  }
  wake(waiter);
  return prevented;
}

void Ticker::reset(os::Nanoseconds period_ns) {
  C1M_ASSERT(period_ns > 0, "a ticker has a positive period");
  start(period_ns, period_ns);
}

bool Ticker::reset_once(os::Nanoseconds delay_ns) {
  return start(std::max<os::Nanoseconds>(delay_ns, 0), 0);
}

bool Ticker::start(os::Nanoseconds delay_ns, os::Nanoseconds period_ns) {
  check_reachable(this, "Ticker::reset");
  const os::Nanoseconds begin_ns = now_ns();
  WakeToken waiter;
  bool prevented = false;
  {
    const std::lock_guard lock(mutex_);
    prevented = has_tick_to_come();
    period_ns_ = period_ns;
    next_ns_ = delay_ns > endless_ns - begin_ns ? endless_ns : begin_ns + delay_ns;
    stopped_ = false;
    waiter = waiter_;
  }
  wake(waiter);
  return prevented;
}

bool Ticker::has_tick_to_come() const {
  return !stopped_ && next_ns_ != endless_ns;
}

std::uint64_t Ticker::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace c1m::runtime
