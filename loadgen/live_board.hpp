// What is known of a running test, passed from its supervisor to whoever shows it.
// Threads: LiveFigures are values; a LiveBoard may be used by any thread, its lock is held while a
// value is copied (some 7 KB, several times a second). Not here: drawing (load_progress), text for
// scrapers (load_metrics).
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "measure/live_histogram.hpp"

namespace c1m::loadgen {

// Counts from the beginning of the run, warm-up included, of the shards that live.
struct LiveFigures {
  std::string phase = "connecting";
  std::uint64_t shards = 0;
  std::uint64_t connections_planned = 0;
  std::uint64_t established = 0;
  std::uint64_t reopened = 0;   // connections that began another life
  std::uint64_t reset = 0;      // of their lives, those that the generator ended by a reset
  std::uint64_t half_open = 0;  // clients beside the load that stand now
  std::uint64_t slow = 0;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t errors = 0;  // unsent, lost, corrupt or late so far
  std::uint64_t outstanding = 0;
  measure::LiveCounts latency;  // response in an open loop, else service
  measure::LiveCounts send_lag;
};

class LiveBoard {
 public:
  void publish(const LiveFigures& figures) {
    const std::scoped_lock lock(mutex_);
    figures_ = figures;
  }
  [[nodiscard]] LiveFigures figures() const {
    const std::scoped_lock lock(mutex_);
    return figures_;
  }

 private:
  mutable std::mutex mutex_;
  LiveFigures figures_;
};

}  // namespace c1m::loadgen
