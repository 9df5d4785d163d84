// One look an interval; see freeze_watch.hpp.
#include "runtime/freeze_watch.hpp"

#include <algorithm>
#include <system_error>
#include <tuple>

#include "runtime/freezer.hpp"
#include "runtime/stack_policy.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds interval_ns_min = 100 * os::ns_per_ms;
constexpr os::Nanoseconds interval_ns_max = 10 * os::ns_per_s;
// So a coroutine is frozen at the latest a quarter of the time after it has been idle for it.
constexpr os::Nanoseconds looks_per_idle_time = 4;
// FreezeWhen::pressure says what these mean. A program without swap meets the second first: nothing
// of its own can be reclaimed, so that tasks begin to wait for memory only just before its end.
constexpr double stalled_share_min = 0.01;
constexpr double available_share_max = 0.1;

bool is_on(const FreezePolicy& policy) {
  return freezing_works && policy.idle_ns > 0;
}

}  // namespace

os::Result<void> FreezeWatch::check(const FreezePolicy& policy) {
  const bool named = policy.when != FreezeWhen::above || policy.resident_bytes > 0;
  if (policy.idle_ns < 0 || policy.idle_ns >= freeze_idle_ns_limit || !named) {
    return os::fail(EINVAL,
                    "FreezePolicy (idle_ns below 0 or not below 13 days, or FreezeWhen::above "
                    "without bytes)");
  }
  if (!is_on(policy)) return {};
  if (policy.when == FreezeWhen::above) {
    if (const auto resident = os::resident_bytes(); !resident) {
      return std::unexpected(resident.error());
    }
  }
  if (policy.when == FreezeWhen::pressure) {
    if (const auto pressure = os::memory_pressure(); !pressure) {
      return std::unexpected(pressure.error());
    }
  }
  return {};
}

os::Result<void> FreezeWatch::start() {
  if (!is_on(policy_)) return {};
  stopping_.store(0);
  try {
    thread_ = platform::Thread([this] {
      while (stopping_.load() == 0) {
        platform::futex_wait(stopping_, 0, interval_ns());
        if (stopping_.load() == 0 && memory_is_short()) {
          std::ignore = freezer_.freeze(policy_.idle_ns);
        }
      }
    });
  } catch (const std::system_error& error) {
    return os::fail(error.code().value(), "pthread_create (the runtime's freezing of idle stacks)");
  }
  return {};
}

void FreezeWatch::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(1);
  platform::futex_wake_one(stopping_);
  thread_.join();
}

bool FreezeWatch::is_short(const os::MemoryPressure& pressure) {
  return pressure.stalled_share >= stalled_share_min ||
         pressure.available_share < available_share_max;
}

// What cannot be read for once is no reason to freeze.
bool FreezeWatch::memory_is_short() const {
  switch (policy_.when) {
    case FreezeWhen::always:
      return true;
    case FreezeWhen::above: {
      const auto resident = os::resident_bytes();
      return resident && *resident > policy_.resident_bytes;
    }
    case FreezeWhen::pressure: {
      const auto pressure = os::memory_pressure();
      return pressure && is_short(*pressure);
    }
  }
  return false;
}

os::Nanoseconds FreezeWatch::interval_ns() const {
  return std::clamp(policy_.idle_ns / looks_per_idle_time, interval_ns_min, interval_ns_max);
}

}  // namespace c1m::runtime
