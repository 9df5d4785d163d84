// When the runtime looks for deadlocks: when all its workers have slept for 100 ms, there may be
// one, and something has run since the last look; and at most for a hundredth of the time. There
// may be a circle only while coroutines wait for locks or joins, which are counted; all can be
// asleep only if the one that could be helped last time cannot any more. So a deadlock is reported
// soon after the runtime has become idle, and costs nothing while it works or waits for the
// network; one beside which others are always busy is found by Runtime::deadlocks() only.
// Threads: by workers that are about to sleep. Not here: the look itself (wait_graph.hpp).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
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

  // By a worker that stands in the list of sleepers, as all others do. When it must call this again
  // at the latest, or `never`. Or nullopt: something was reported, and the handler may have ended
  // waits, so there may be work.
  [[nodiscard]] std::optional<os::Nanoseconds> look_when_all_sleep() {
    if (!is_on()) return never;
    return look_if_due();
  }

  static constexpr os::Nanoseconds never = INT64_MAX;

 private:
  static constexpr os::Nanoseconds idle_ns = 100 * os::ns_per_ms;
  // A look that took t is not followed by another for 100 t.
  static constexpr int pause_factor = 100;

  [[nodiscard]] bool is_on() const;
  [[nodiscard]] std::optional<os::Nanoseconds> look_if_due();
  // Cheap questions, of which most have the answer no.
  [[nodiscard]] bool may_have_circle() const;
  [[nodiscard]] bool may_be_all_asleep();
  [[nodiscard]] bool look(bool for_circles, bool for_all_asleep);
  [[nodiscard]] std::uint64_t resumes() const;
  void act(DeadlockAction action, const Deadlock& deadlock) const;

  Scheduler& scheduler_;
  const DeadlockPolicy policy_;
  std::mutex mutex_;
  // Guarded by mutex_.
  os::Nanoseconds not_before_ns_ = 0;
  std::uint64_t resumes_seen_ = 0;     // at the last look
  std::uint64_t resumes_idle_ = 0;     // when the present idleness began
  os::Nanoseconds look_at_ns_ = 0;     // if it lasts
  std::uint32_t helped_ = 0;           // a coroutine that did not wait for another, when seen last
  std::uint64_t asleep_reported_ = 0;  // its signature
  std::vector<std::pair<std::uint32_t, std::uint64_t>> reported_;  // circles: a member and its wait
};

}  // namespace c1m::runtime
