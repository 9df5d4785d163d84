// What the supervisor and its shards tell each other while a run goes on: words in shared memory,
// and an event that wakes a shard to look at them.
//
// Each word has one writer, named beside it; readers need no order between words, so that relaxed
// loads suffice, except that a `phase` released by a shard covers its counters before it.
// Not here: results, which go through a pipe at the end (measure/load_result_json).
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "measure/live_histogram.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// Written by the supervisor.
struct RunControl {
  // Connections may be opened. Not before the supervisor has the threads that it needs: where a
  // limit counts theirs and a server's alike, the server's would take their places.
  std::atomic<bool> may_connect{false};
  // CLOCK_MONOTONIC at which the plan begins in all shards; 0: not decided yet.
  std::atomic<os::Nanoseconds> start_ns{0};
  // No further connection is opened.
  std::atomic<bool> stop_connecting{false};
  // The plan ends here if that is before its own end.
  std::atomic<os::Nanoseconds> stop_ns{std::numeric_limits<os::Nanoseconds>::max()};
  // How long the drain may last.
  std::atomic<os::Nanoseconds> drain_ns{0};
  // All shards have drained: report, and close the connections.
  std::atomic<bool> report{false};
};

enum class ShardPhase : std::uint32_t {
  connecting,
  ready,     // all connections that can be established are
  running,   // warm-up and window
  draining,  // waiting for answers, sending nothing
  drained,   // waiting for the other shards
};

// Written by one shard each; cache lines of its own.
struct alignas(64) ShardStatus {
  std::atomic<ShardPhase> phase{ShardPhase::connecting};
  std::atomic<std::uint64_t> established{0};
  // Established, or on their way from one life to the next.
  std::atomic<std::uint64_t> alive{0};
  std::atomic<std::uint64_t> reopened{0};  // lives after the first of each connection
  std::atomic<std::uint64_t> reset{0};     // lives that ended by a reset of the generator's
  // Clients beside the load that stand now.
  std::atomic<std::uint64_t> half_open{0};
  std::atomic<std::uint64_t> slow{0};
  std::atomic<std::uint64_t> connects_failed{0};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> outstanding{0};
  // Unsent, lost, corrupt or late, warm-up included.
  std::atomic<std::uint64_t> errors{0};
  // Turns of the event loop; at least one a second while the shard is healthy.
  std::atomic<std::uint64_t> turns{0};
  // For what is shown of the running test; warm-up included.
  measure::LiveHistogram latency;
  measure::LiveHistogram send_lag;
};
static_assert(std::atomic<os::Nanoseconds>::is_always_lock_free);
static_assert(std::atomic<ShardPhase>::is_always_lock_free);

}  // namespace c1m::loadgen
