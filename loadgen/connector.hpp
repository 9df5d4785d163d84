// Opens a shard's connections at an even pace, a bounded number in progress at a time.
//
// Invariants: attempt k is not started before k intervals have passed; after the first failure no
// further attempt is started, so that a target that refuses is reported at once.
// Threads: one owner. Not here: waiting (shard_wait), a single attempt (connect_attempts).
#pragma once

#include <cstdint>
#include <optional>

#include "loadgen/connect_attempts.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// When attempt k of a shard is due: evenly spaced, or at once.
class ConnectPace {
 public:
  // `rate_per_s` is the shard's part; 0: all at once.
  ConnectPace(double rate_per_s, os::Nanoseconds start_ns)
      : rate_per_s_(rate_per_s), start_ns_(start_ns) {}

  [[nodiscard]] os::Nanoseconds due_ns(std::uint32_t attempt) const;

 private:
  double rate_per_s_;
  os::Nanoseconds start_ns_;
};

class Connector {
 public:
  Connector(EchoExchange& exchange, ConnectionRange range, const Routes& routes,
            const os::Clock& clock, os::Poller& poller, ConnectPace pace,
            os::Nanoseconds timeout_ns);

  // Starts the attempts that are due, a burst at most.
  void start_due(os::Nanoseconds now_ns);
  // When start_due() or expire() has something to do.
  [[nodiscard]] os::Nanoseconds next_due_ns() const;
  // Handles an event of a connection in the state `connecting`.
  void handle(std::uint32_t index);
  // Fails the attempts that have taken longer than the timeout, handshake included.
  void expire(os::Nanoseconds now_ns);
  // Starts no further attempt.
  void stop() { stopped_ = true; }
  // Connections that were established and ended while others were opened: a refusal in its own way.
  void note_closed(const measure::ErrorCounts& errors);

  // Nothing is in progress and nothing will be started.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] measure::ConnectResult result() const;
  // Attempts that failed, and one more when a connection was closed meanwhile.
  [[nodiscard]] std::uint64_t refusals() const {
    return attempts_.result().failed + (closed_ ? 1 : 0);
  }
  [[nodiscard]] const measure::ConnectTimeline& timeline() const { return timeline_; }

  static constexpr std::uint32_t in_progress_max = 1024;

 private:
  // The next one may be started once it is due.
  [[nodiscard]] bool may_start() const;
  void note(ConnectAttempts::Progress progress);
  measure::ConnectInterval& interval() {
    return timeline_[clock_.now_ns() / measure::connect_interval_ns];
  }

  std::uint32_t count_;
  const os::Clock& clock_;
  ConnectPace pace_;
  ConnectAttempts attempts_;
  std::uint32_t started_ = 0;  // attempts so far; also the next one's index
  bool stopped_ = false;
  std::optional<measure::Refusal> closed_;
  measure::ConnectTimeline timeline_;
};

}  // namespace c1m::loadgen
