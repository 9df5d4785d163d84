// Whether a loop gets on: it promises to look again within a tick, and what it is late by is a
// stall, whatever held it up: a long turn, no CPU, a stop, a page fault. A loop that only sleeps
// measures the platform in the same way (platform_meter).
//
// A stall lasts from when the loop should have looked (or, if it was awake by then, from when it
// woke up) to its next wait. One of two ticks or more is always found, one between one and two
// ticks depending on where in the tick it began. Invariant: off, a turn costs one branch; on, two
// readings of the clock, and once a tick a look at what the kernel says of the thread.
// Threads: the loop's own. Not here: which waits a loop has (servers/, loadgen/).
#pragma once

#include <algorithm>

#include "measure/live_histogram.hpp"
#include "measure/stall_log.hpp"
#include "os/clock.hpp"
#include "os/thread_usage.hpp"

namespace c1m::measure {

// What a meter leaves; may be in memory shared with a supervisor.
struct LoopPauses {
  StallLog stalls;
  LiveHistogram delay_ns;  // of each wait that lasted its tick: how late it ended
  LiveHistogram turn_ns;   // from a wait's end to the next one's beginning
};

class LoopMeter {
 public:
  // `pauses` may be null: nothing is measured. It outlives the meter.
  LoopMeter(LoopPauses* pauses, os::Nanoseconds tick_ns, const os::Clock& clock = machine_clock())
      : pauses_(pauses), tick_ns_(tick_ns), clock_(clock) {}

  [[nodiscard]] bool is_on() const { return pauses_ != nullptr; }
  [[nodiscard]] os::Nanoseconds tick_ns() const { return tick_ns_; }
  // How long the next wait may be that was to be `timeout_ns` (negative: for ever).
  [[nodiscard]] os::Nanoseconds bounded(os::Nanoseconds timeout_ns) const {
    if (!is_on()) return timeout_ns;
    return timeout_ns < 0 ? tick_ns_ : std::min(timeout_ns, tick_ns_);
  }

  // Just before and just after each wait.
  void wait_begins() {
    if (is_on()) begin_wait(clock_.now_ns());
  }
  void wait_ends() {
    if (is_on()) end_wait(clock_.now_ns());
  }

 private:
  static const os::Clock& machine_clock();
  void begin_wait(os::Nanoseconds now_ns);
  void end_wait(os::Nanoseconds now_ns);
  void add_stall(os::Nanoseconds begin_ns, os::Nanoseconds end_ns);
  void look_at_usage(os::Nanoseconds now_ns);

  LoopPauses* pauses_;
  os::Nanoseconds tick_ns_;
  const os::Clock& clock_;
  os::Nanoseconds due_ns_ = 0;   // by when the wait must end; 0: there was none
  os::Nanoseconds woke_ns_ = 0;  // when it did
  os::ThreadUsageReader reader_;
  os::Nanoseconds usage_ns_ = 0;  // when usage_ was read
  bool has_usage_ = false;
  os::ThreadUsage usage_;
};

}  // namespace c1m::measure
