// Where a shard's meters of pauses write, in memory that the supervisor reads once the shard has
// ended. Invariant: without --pauses there is none of it, and a loop's turn costs a branch.
// Threads: each loop has a log of its own; the calls' are locked. Not here: the loops (a backend
// says what its loop is), the document (pause_recorder.hpp).
#pragma once

#include <array>
#include <span>

#include "measure/live_histogram.hpp"
#include "measure/loop_meter.hpp"
#include "measure/stall_log.hpp"
#include "os/call_watch.hpp"
#include "os/clock.hpp"

namespace c1m::servers::app {

// Calls of one kind (os/call_watch.hpp).
struct CallPauses {
  measure::StallLog stalls;
  measure::LiveHistogram took_ns;
};

// What a shard has once, however many loops it has.
struct ShardPauses {
  std::array<CallPauses, 2> calls;  // by os::WatchedCall
  // Of a backend with coroutines, written at its end.
  measure::LiveHistogram ready_to_run_ns;
  measure::LiveHistogram run_ns;
};

struct PauseBoard {
  std::span<measure::LoopPauses> loops;  // one a worker, or one; empty: nothing is measured
  ShardPauses* shard = nullptr;
  os::Nanoseconds tick_ns = os::ns_per_ms;

  [[nodiscard]] bool is_on() const { return shard != nullptr; }
  [[nodiscard]] measure::LoopMeter meter_of(unsigned worker) const {
    return {is_on() ? &loops[worker] : nullptr, tick_ns};
  }
};

// From now on this process's watched calls are recorded there; those that last a tick are stalls.
void record_calls(const PauseBoard& board);

}  // namespace c1m::servers::app
