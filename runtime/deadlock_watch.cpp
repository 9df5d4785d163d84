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

std::optional<os::Nanoseconds> DeadlockWatch::look_if_due() {
  // In virtual time only what lasts is looked at: nobody sleeps for a real time there.
  const bool virtual_time = scheduler_.virtual_clock() != nullptr;
  if (virtual_time && scheduler_.earliest_timer_ns() != TimerHeap::never) return never;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return never;
  const std::uint64_t resumes_now = resumes();
  if (resumes_now == resumes_seen_) return never;
  const bool for_circles = policy_.on_circle != DeadlockAction::ignore && may_have_circle();
  const bool for_all_asleep =
      policy_.on_all_asleep != DeadlockAction::ignore && may_be_all_asleep();
  if (!for_circles && !for_all_asleep) return never;
  const os::Nanoseconds begin_ns = platform::monotonic_ns();
  if (resumes_now != resumes_idle_) {
    resumes_idle_ = resumes_now;
    look_at_ns_ = std::max(begin_ns + idle_ns, not_before_ns_);
  }
  if (begin_ns < look_at_ns_ && !virtual_time) return look_at_ns_;
  resumes_seen_ = resumes_now;
  const bool found = look(for_circles, for_all_asleep);
  const os::Nanoseconds end_ns = platform::monotonic_ns();
  not_before_ns_ = end_ns + pause_factor * (end_ns - begin_ns);
  if (found) return std::nullopt;
  return never;
}

bool DeadlockWatch::may_have_circle() const {
  std::uint64_t ended = 0;
  std::uint64_t begun = 0;
  for (const auto& processor : scheduler_.processors()) {
    ended += processor->counters.waits_for_one_ended.get();
  }
  for (const auto& processor : scheduler_.processors()) {
    begun += processor->counters.waits_for_one.get();
  }
  return begun > ended;
}

// The first who needs no other coroutine is enough, and is most often the one of the last time.
bool DeadlockWatch::may_be_all_asleep() {
  if (scheduler_.earliest_timer_ns() != TimerHeap::never) return false;
  const auto is_helped = [this](std::uint32_t index) {
    const Coroutine& coroutine = scheduler_.coroutine_at(index);
    const CoroutineState state = coroutine.wait.state();
    if (state == CoroutineState::free) return false;
    return state != CoroutineState::waiting || kernel_may_end(coroutine.note.reason());
  };
  if (helped_ != 0 && is_helped(helped_)) return false;
  helped_ = 0;
  const std::uint32_t created = scheduler_.coroutine_table().created();
  for (std::uint32_t index = 1; index <= created && helped_ == 0; ++index) {
    if (is_helped(index)) helped_ = index;
  }
  return helped_ == 0;
}

bool DeadlockWatch::look(bool for_circles, bool for_all_asleep) {
  const WaitGraph graph(scheduler_);
  bool found = false;
  if (for_circles && !graph.circles().empty()) {
    for (const Deadlock& circle : find_circles(scheduler_)) {
      if (circle.coroutines.empty()) continue;
      const CoroutineFacts& first = circle.coroutines.front();
      const std::pair key(first.id, scheduler_.coroutine_at(first.id).wait.snapshot());
      if (std::ranges::find(reported_, key) != reported_.end()) continue;
      reported_.push_back(key);
      act(policy_.on_circle, circle);
      found = true;
    }
  }
  if (!for_all_asleep || !graph.all_wait_for_coroutines()) return found;
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
