// Opens a shard's connections at an even pace, a bounded number in progress at a time.
//
// Invariants: attempt k is not started before k intervals have passed; after the first failure no
// further attempt is started, so that a target that refuses is reported at once.
// Threads: one owner. Not here: waiting (load_shard), a single attempt (connect_attempts).
#pragma once

#include <cstdint>

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

  // Nothing is in progress and nothing will be started.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] const measure::ConnectResult& result() const { return attempts_.result(); }

  static constexpr std::uint32_t in_progress_max = 1024;

 private:
  // The next one may be started once it is due.
  [[nodiscard]] bool may_start() const;

  std::uint32_t count_;
  ConnectPace pace_;
  ConnectAttempts attempts_;
  std::uint32_t started_ = 0;  // attempts so far; also the next one's index
  bool stopped_ = false;
};

}  // namespace c1m::loadgen
