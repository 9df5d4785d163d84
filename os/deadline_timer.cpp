// timerfd; see deadline_timer.hpp.
#include "os/deadline_timer.hpp"

#include <sys/timerfd.h>

#include <algorithm>

#include "os/assert.hpp"

namespace c1m::os {

Result<DeadlineTimer> DeadlineTimer::create() {
  Descriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer.is_open()) return last_error("timerfd_create");
  return DeadlineTimer(std::move(timer));
}

void DeadlineTimer::set(Nanoseconds deadline_ns, Nanoseconds now_ns) {
  const bool is_running = ends_ns_ > now_ns;
  if (is_running && ends_ns_ <= deadline_ns) return;
  ends_ns_ = std::max<Nanoseconds>(deadline_ns, 1);  // 0 would stop it
  const itimerspec once{
      .it_interval = {},
      .it_value = {.tv_sec = ends_ns_ / ns_per_s, .tv_nsec = ends_ns_ % ns_per_s},
  };
  const int failed = ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &once, nullptr);
  C1M_ASSERT(failed == 0, "a time that is not negative can be set");
}

}  // namespace c1m::os
