// Moving the time, and telling the runtime that it has moved; see virtual_clock.hpp.
#include "runtime/virtual_clock.hpp"

#include <algorithm>

#include "os/assert.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {

VirtualClock::~VirtualClock() {
  C1M_ASSERT(scheduler_ == nullptr, "a virtual clock outlives its runtime");
}

void VirtualClock::advance(os::Nanoseconds by_ns) {
  C1M_ASSERT(by_ns >= 0, "time does not go back");
  const std::lock_guard lock(mutex_);
  now_ns_.store(now_ns() + by_ns, std::memory_order_release);
  if (scheduler_ != nullptr) scheduler_->time_has_moved();
}

void VirtualClock::move_to(os::Nanoseconds when_ns) {
  const std::lock_guard lock(mutex_);
  now_ns_.store(std::max(now_ns(), when_ns), std::memory_order_release);
}

void VirtualClock::attach(Scheduler& scheduler) {
  const std::lock_guard lock(mutex_);
  C1M_ASSERT(scheduler_ == nullptr, "a virtual clock belongs to one runtime at a time");
  scheduler_ = &scheduler;
}

void VirtualClock::detach() {
  const std::lock_guard lock(mutex_);
  scheduler_ = nullptr;
}

}  // namespace c1m::runtime
