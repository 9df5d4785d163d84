// Finds what a worker pool leaks, by the article's table (R4): coroutines that keep growing in
// number, submitters that a full task queue blocks for too long, workers that live on after the
// close, and workers blocked on results that nobody reads.
// Invariants: each rule looks at figures over a time, so a pool that is merely busy is not
// reported; a rule is silent after a report until its cause has gone, or, for growth, for another
// window. Threads: watch() is a coroutine's; the watched answers any thread. Not here: finding out
// who is to blame; the report of growth has a dump of all coroutines.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/failure.hpp"

namespace c1m::runtime {

// In the time of the runtime. The article's thresholds; it has none for the last two.
struct LeakLimits {
  os::Nanoseconds interval_ns = os::ns_per_s;  // between two looks
  // More than so much growth of the runtime's number of coroutines over a window, if it is by at
  // least so many: a few of a handful are no leak.
  double growth_max = 0.20;
  os::Nanoseconds growth_window_ns = 60 * os::ns_per_s;
  std::uint64_t growth_coroutines_min = 16;
  // Somebody waits to put a task in, and none has been taken, for longer.
  os::Nanoseconds tasks_blocked_max_ns = 5 * os::ns_per_s;
  // The same with a result.
  os::Nanoseconds results_unread_max_ns = 5 * os::ns_per_s;
  // Workers are alive, and have taken no task, for longer after close().
  os::Nanoseconds closed_workers_max_ns = 5 * os::ns_per_s;
};

enum class LeakRule : std::uint8_t {
  coroutines_grow,  // action: a dump of all coroutines
  tasks_blocked,    // action: the pool is closed by force, and its join() fails
  results_unread,
  workers_alive,
};
// "coroutines grow".
[[nodiscard]] const char* name_of(LeakRule rule);

struct LeakReport {
  LeakRule rule = LeakRule::coroutines_grow;
  os::Nanoseconds at_ns = 0;
  // One sentence with the figures; for `coroutines_grow` followed by the dump, lines of text.
  std::string text;
};

// What the detector asks a pool.
struct PoolGauges {
  std::size_t tasks_waiting = 0;
  std::size_t submitters_waiting = 0;
  std::uint64_t tasks_taken = 0;
  std::size_t results_waiting = 0;
  std::size_t result_putters_waiting = 0;
  std::uint64_t results_taken = 0;
  unsigned workers_alive = 0;
  bool closed = false;
};
class WatchedPool {
 public:
  virtual ~WatchedPool() = default;
  [[nodiscard]] virtual PoolGauges gauges() = 0;
  virtual void close_by_force(const Failure& cause) = 0;

 protected:
  WatchedPool() = default;
  WatchedPool(const WatchedPool&) = default;
  WatchedPool& operator=(const WatchedPool&) = default;
};

class LeakDetector {
 public:
  using Report = std::function<void(const LeakReport&)>;

  LeakDetector(const LeakLimits& limits, Report report)
      : limits_(limits), report_(std::move(report)) {}

  // Looks at the pool until `context` is cancelled. Reports come on the calling coroutine.
  void watch(WatchedPool& pool, const Context& context);

 private:
  // For how long something has been so.
  class Spell {
   public:
    // True once: when `holds` has lasted for longer than `most_ns` while `progress` stood still.
    bool lasts(bool holds, std::uint64_t progress, os::Nanoseconds now_ns, os::Nanoseconds most_ns);

   private:
    std::optional<os::Nanoseconds> since_ns_;
    std::uint64_t progress_ = 0;
    bool reported_ = false;
  };
  struct Count {
    os::Nanoseconds at_ns;
    std::uint64_t coroutines;
  };

  void look(WatchedPool& pool);
  void look_at_growth(os::Nanoseconds now_ns);

  const LeakLimits limits_;
  const Report report_;
  Spell tasks_blocked_;
  Spell results_unread_;
  Spell workers_alive_;
  std::deque<Count> counts_;  // of the window, the oldest first
};

}  // namespace c1m::runtime
