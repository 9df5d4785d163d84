// Looking seldom, and reporting once; see deadlock_watch.hpp.
#include "runtime/deadlock_watch.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "runtime/scheduler.hpp"
#include "runtime/wait_graph.hpp"

namespace c1m::runtime {

bool DeadlockWatch::is_on() const {
#if defined(C1M_RUNTIME_MODEL)
  return false;  // the machine finds everybody asleep by itself
#else
  return policy_.on_circle != DeadlockAction::ignore ||
         policy_.on_all_asleep != DeadlockAction::ignore;
#endif
}

bool DeadlockWatch::look_if_due() {
  // In virtual time only what lasts is looked at: nobody sleeps for a real time there.
  const bool virtual_time = scheduler_.virtual_clock() != nullptr;
  if (virtual_time && scheduler_.earliest_timer_ns() != TimerHeap::never) return false;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  due_ns_.store(never, std::memory_order_relaxed);
  const std::uint64_t resumes_now = resumes();
  if (resumes_now == resumes_seen_) return false;
  const os::Nanoseconds begin_ns = platform::monotonic_ns();
  if (begin_ns < not_before_ns_ && !virtual_time) {
    due_ns_.store(not_before_ns_, std::memory_order_relaxed);
    return false;
  }
  resumes_seen_ = resumes_now;
  const bool found = look();
  const os::Nanoseconds end_ns = platform::monotonic_ns();
  not_before_ns_ = end_ns + std::max(pause_factor * (end_ns - begin_ns), pause_ns_min);
  return found;
}

bool DeadlockWatch::look() {
  const WaitGraph graph(scheduler_);
  bool found = false;
  if (policy_.on_circle != DeadlockAction::ignore && !graph.circles().empty()) {
    for (const Deadlock& circle : find_circles(scheduler_)) {
      const CoroutineFacts& first = circle.coroutines.front();
      const std::pair key(first.id, scheduler_.coroutine_at(first.id).wait.snapshot());
      if (std::ranges::find(reported_, key) != reported_.end()) continue;
      reported_.push_back(key);
      act(policy_.on_circle, circle);
      found = true;
    }
  }
  if (policy_.on_all_asleep == DeadlockAction::ignore || !graph.all_wait_for_coroutines()) {
    return found;
  }
  // Nobody has run, and nobody can, since before the look.
  const bool lasts = resumes() == resumes_seen_ && !scheduler_.has_work() &&
                     scheduler_.earliest_timer_ns() == TimerHeap::never;
  if (!lasts || graph.signature() == asleep_reported_) return found;
  asleep_reported_ = graph.signature();
  act(policy_.on_all_asleep, all_asleep(scheduler_));
  return true;
}

std::uint64_t DeadlockWatch::resumes() const {
  std::uint64_t sum = 0;
  for (const auto& processor : scheduler_.processors()) sum += processor->counters.resumed.get();
  return sum;
}

void DeadlockWatch::act(DeadlockAction action, const Deadlock& deadlock) const {
  if (policy_.handler) {
    policy_.handler(deadlock);
  } else {
    std::fputs(("c1m runtime: " + to_text(deadlock)).c_str(), stderr);
  }
  if (action != DeadlockAction::abort) return;
  if (policy_.handler) std::fputs("c1m runtime: a deadlock, and the policy is to abort\n", stderr);
  std::abort();
}

}  // namespace c1m::runtime
