// When the runtime looks for deadlocks: when all its workers are about to sleep, at most for a
// hundredth of the time, and not again before a coroutine has run. So one that forms is reported
// when the runtime has become idle, and costs nothing while it works; one among coroutines beside
// which others are always busy is found by Runtime::deadlocks() only.
// Threads: by workers that are about to sleep. Not here: the look itself (wait_graph.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "runtime/deadlock.hpp"

namespace c1m::runtime {

class DeadlockWatch {
 public:
  DeadlockWatch(Scheduler& scheduler, DeadlockPolicy policy)
      : scheduler_(scheduler), policy_(std::move(policy)) {}
  DeadlockWatch(const DeadlockWatch&) = delete;
  DeadlockWatch& operator=(const DeadlockWatch&) = delete;
  ~DeadlockWatch() = default;

  // By a worker that stands in the list of sleepers, as all others do. True when something was
  // reported: the handler may have ended waits, so there may be work.
  [[nodiscard]] bool look_when_all_sleep() { return is_on() && look_if_due(); }

  // When a worker that sleeps must call that again, because it came too soon after the last look.
  [[nodiscard]] os::Nanoseconds due_ns() const { return due_ns_.load(std::memory_order_relaxed); }

 private:
  static constexpr os::Nanoseconds never = INT64_MAX;
  // A look that took t is not followed by another for 100 t, and at least so long.
  static constexpr os::Nanoseconds pause_ns_min = 10 * os::ns_per_ms;
  static constexpr int pause_factor = 100;

  [[nodiscard]] bool is_on() const;
  [[nodiscard]] bool look_if_due();
  [[nodiscard]] bool look();
  [[nodiscard]] std::uint64_t resumes() const;
  void act(DeadlockAction action, const Deadlock& deadlock) const;

  Scheduler& scheduler_;
  const DeadlockPolicy policy_;
  std::atomic<os::Nanoseconds> due_ns_ = never;
  std::mutex mutex_;
  // Guarded by mutex_.
  os::Nanoseconds not_before_ns_ = 0;
  std::uint64_t resumes_seen_ = 0;
  std::uint64_t asleep_reported_ = 0;                              // its signature
  std::vector<std::pair<std::uint32_t, std::uint64_t>> reported_;  // circles: a member and its wait
};

}  // namespace c1m::runtime
