// The rules, one after the other; see leak_detector.hpp.
#include "runtime/leak_detector.hpp"

#include <cerrno>

#include "runtime/runtime_dump.hpp"
#include "runtime/sleep.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {
namespace {

std::string seconds(os::Nanoseconds time_ns) {
  std::string text = std::to_string(static_cast<double>(time_ns) / os::ns_per_s);
  text.resize(text.size() - 4);  // two digits after the point
  return text + " s";
}

}  // namespace

const char* name_of(LeakRule rule) {
  switch (rule) {
    case LeakRule::coroutines_grow:
      return "coroutines grow";
    case LeakRule::tasks_blocked:
      return "tasks blocked";
    case LeakRule::results_unread:
      return "results unread";
    case LeakRule::workers_alive:
      return "workers alive after close";
  }
  return "?";
}

bool LeakDetector::Spell::lasts(bool holds, std::uint64_t progress, os::Nanoseconds now_ns,
                                os::Nanoseconds most_ns) {
  if (!holds || !since_ns_ || progress != progress_) {
    since_ns_ = holds ? std::optional(now_ns) : std::nullopt;
    progress_ = progress;
    reported_ = false;
    return false;
  }
  if (reported_ || now_ns - *since_ns_ <= most_ns) return false;
  reported_ = true;
  return true;
}

void LeakDetector::watch(WatchedPool& pool, const Context& context) {
  do look(pool);
  while (sleep_for(limits_.interval_ns, context));
}

void LeakDetector::look(WatchedPool& pool) {
  const os::Nanoseconds now = now_ns();
  const PoolGauges gauges = pool.gauges();
  look_at_growth(now);
  if (tasks_blocked_.lasts(gauges.submitters_waiting > 0, gauges.tasks_taken, now,
                           limits_.tasks_blocked_max_ns)) {
    report_({.rule = LeakRule::tasks_blocked,
             .at_ns = now,
             .text = std::to_string(gauges.submitters_waiting) +
                     " submitters wait for a full queue of " +
                     std::to_string(gauges.tasks_waiting) + " tasks, of which none was taken for " +
                     seconds(limits_.tasks_blocked_max_ns) + ": the pool is closed by force"});
    pool.close_by_force(os::Error{ETIMEDOUT, "a worker pool whose task queue was blocked"});
  }
  if (results_unread_.lasts(gauges.result_putters_waiting > 0, gauges.results_taken, now,
                            limits_.results_unread_max_ns)) {
    report_({.rule = LeakRule::results_unread,
             .at_ns = now,
             .text = std::to_string(gauges.result_putters_waiting) +
                     " workers wait to hand in results, of which " +
                     std::to_string(gauges.results_waiting) + " lie unread for " +
                     seconds(limits_.results_unread_max_ns)});
  }
  if (workers_alive_.lasts(gauges.closed && gauges.workers_alive > 0, gauges.tasks_taken, now,
                           limits_.closed_workers_max_ns)) {
    report_({.rule = LeakRule::workers_alive,
             .at_ns = now,
             .text = std::to_string(gauges.workers_alive) + " workers are alive, " +
                     seconds(limits_.closed_workers_max_ns) +
                     " after the pool was closed and the last task was taken"});
  }
}

// Of all coroutines of the runtime, as the article has it.
void LeakDetector::look_at_growth(os::Nanoseconds now_ns) {
  Scheduler& scheduler = worker_of_caller().scheduler();
  const std::uint64_t live = scheduler.live();
  counts_.push_back({.at_ns = now_ns, .coroutines = live});
  // The last one that is at least a window old stays, as what the newest is compared with.
  while (counts_.size() > 1 && now_ns - counts_[1].at_ns >= limits_.growth_window_ns) {
    counts_.pop_front();
  }
  const Count& before = counts_.front();
  if (now_ns - before.at_ns < limits_.growth_window_ns) return;
  const auto limit = static_cast<double>(before.coroutines) * (1 + limits_.growth_max);
  if (static_cast<double>(live) <= limit ||
      live - before.coroutines < limits_.growth_coroutines_min) {
    return;
  }
  report_({.rule = LeakRule::coroutines_grow,
           .at_ns = now_ns,
           .text = "coroutines grew from " + std::to_string(before.coroutines) + " to " +
                   std::to_string(live) + " within " + seconds(now_ns - before.at_ns) + "\n" +
                   to_text(take_dump(scheduler))});
  counts_.assign(1, {.at_ns = now_ns, .coroutines = live});
}

}  // namespace c1m::runtime
