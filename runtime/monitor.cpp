// Looks every 50 us while there is something to do, down to every 10 ms while there is not: Go's
// rhythm, a little slower because this machine may have two cores. See monitor.hpp.
#include "runtime/monitor.hpp"

#include <algorithm>
#include <system_error>

#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {
namespace {

constexpr os::Nanoseconds interval_ns_min = 50 * os::ns_per_us;
constexpr os::Nanoseconds interval_ns_max = 10 * os::ns_per_ms;
// So many looks in vain before the interval begins to double.
constexpr int vain_looks_max = 20;
// A timer is overdue, not merely due, when its own processor had this long to fire it.
constexpr os::Nanoseconds overdue_ns = os::ns_per_ms;
// The network shall be looked at this often when all workers compute.
constexpr os::Nanoseconds unattended_ns_max = 10 * os::ns_per_ms;

// Values of state_.
constexpr std::uint32_t looking = 0;
constexpr std::uint32_t resting = 1;  // for long: worth a nudge
constexpr std::uint32_t nudged = 2;
constexpr std::uint32_t stopping = 3;

}  // namespace

os::Result<void> Monitor::start() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable() || !in_force(Safeguard::monitor)) return {};
  state_.store(looking);
  seen_.assign(processors_max, {});
  try {
    thread_ = platform::Thread([this] { run(); });
  } catch (const std::system_error& error) {
    return os::fail(error.code().value(), "pthread_create (the runtime's monitor)");
  }
  return {};
}

void Monitor::stop() {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) return;
  state_.store(stopping);
  platform::futex_wake_one(state_);
  thread_.join();
}

void Monitor::nudge() {
  std::uint32_t expected = resting;
  if (state_.load(std::memory_order_relaxed) != resting) return;
  if (state_.compare_exchange_strong(expected, nudged)) platform::futex_wake_one(state_);
}

void Monitor::run() {
  os::Nanoseconds interval_ns = interval_ns_min;
  int vain_looks = 0;
  while (state_.load() != stopping) {
    rest(interval_ns);
    const bool was_nudged = state_.load() == nudged;
    if (look() || was_nudged) {
      vain_looks = 0;
      interval_ns = interval_ns_min;
    } else if (++vain_looks > vain_looks_max) {
      interval_ns = std::min(interval_ns * 2, interval_ns_max);
    }
  }
}

void Monitor::rest(os::Nanoseconds interval_ns) {
  // A nudge or a stop that comes in between makes the exchange, or the futex's comparison, fail.
  std::uint32_t expected = state_.load();
  if (expected == stopping) return;
  const std::uint32_t state = interval_ns > interval_ns_min ? resting : looking;
  if (state_.compare_exchange_strong(expected, state)) {
    platform::futex_wait(state_, state, interval_ns);
  }
}

bool Monitor::look() {
  bool acted = look_at_processors();
  acted |= look_at_network();
  if (scheduler_.idle_workers().sleeping() == 0) return acted;
  const os::Nanoseconds earliest_ns = scheduler_.earliest_timer_ns();
  // A sum would overflow: a time may be as far off as the clock goes.
  const bool overdue = earliest_ns < scheduler_.now_ns() - overdue_ns;
  if (overdue) {
    scheduler_.wake_a_worker();
    acted = true;
  }
  return acted;
}

bool Monitor::look_at_processors() {
  bool acted = false;
  for (std::size_t i = 0; i < scheduler_.processors().size(); ++i) {
    Processor& processor = scheduler_.processors()[i];
    const Seen now{.resumed = processor.counters.resumed.get(),
                   .blocking_call = processor.blocking_hold.call()};
    const Seen before = std::exchange(seen_[i], now);
    const bool same_call = now.blocking_call != 0 && now.blocking_call == before.blocking_call;
    // The same coroutine has been running for the whole interval, and others wait behind it.
    const bool stuck = now.resumed == before.resumed && processor.has_work();
    const bool others_watch = scheduler_.idle_workers().sleeping() > 0;
    const bool needed = processor.has_work() || processor.pinned.size() > 0;
    if (same_call && (!others_watch || needed)) {
      acted |= scheduler_.take_over(processor, now.blocking_call);
    } else if (stuck && others_watch) {
      scheduler_.wake_a_worker();
      acted = true;
    }
  }
  return acted;
}

// When nobody waits in epoll_wait nor has polled since the last look: a worker that sleeps shall,
// and when none sleeps for 10 ms this thread does. What it finds is queued globally, where a worker
// that comes to look finds it sooner than it would come to poll. With one processor that would be
// the same moment.
bool Monitor::look_at_network() {
  const Netpoller& netpoller = scheduler_.netpoller();
  const os::Nanoseconds now_ns = platform::monotonic_ns();
  const std::uint64_t polls = netpoller.polls();
  if (std::exchange(polls_seen_, polls) != polls || netpoller.claimed() || !netpoller.is_used()) {
    attended_ns_ = now_ns;
    return false;
  }
  if (scheduler_.idle_workers().sleeping() > 0) {
    scheduler_.wake_a_worker();
    return true;
  }
  if (now_ns - attended_ns_ < unattended_ns_max || scheduler_.processors().wanted() == 1) {
    return false;
  }
  return scheduler_.poll_from_outside();
}

}  // namespace c1m::runtime
