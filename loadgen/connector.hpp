// Opens a shard's connections at an even pace, a bounded number in progress at a time. Where the
// protocol has an opening handshake that is part of a connection's opening.
//
// Invariants: attempt k is not started before k intervals have passed; after the first failure no
// further attempt is started, so that a target that refuses is reported at once.
// Threads: one owner. Not here: waiting (load_shard), addresses (source_addresses).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loadgen/echo_exchange.hpp"
#include "loadgen/source_addresses.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/poller.hpp"
#include "os/result.hpp"

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
  [[nodiscard]] const measure::ConnectResult& result() const { return result_; }

  static constexpr std::uint32_t in_progress_max = 1024;

 private:
  struct Attempt {
    std::uint32_t connection = 0;
    os::Nanoseconds started_ns = 0;
    bool in_progress = false;
    bool is_opening = false;  // connected, and in its opening handshake
  };

  void start_one(os::Nanoseconds now_ns);
  // A socket on its way to its target, registered with the poller.
  os::Result<os::Descriptor> open_socket(std::uint32_t index);
  // Closes the attempt's connection.
  void give_up(Attempt& attempt, const std::string& reason);
  void fail(const std::string& reason);
  void drop_finished();
  // Attempts stand in a ring in the order of their start; a connection remembers its place.
  [[nodiscard]] Attempt& attempt_at(std::uint32_t position) {
    return attempts_[position % in_progress_max];
  }

  EchoExchange& exchange_;
  ConnectionRange range_;
  const Routes& routes_;
  const os::Clock& clock_;
  os::Poller& poller_;
  ConnectPace pace_;
  os::Nanoseconds timeout_ns_;
  std::vector<Attempt> attempts_;
  std::uint32_t oldest_ = 0;   // position of the oldest attempt that may be in progress
  std::uint32_t started_ = 0;  // attempts so far; also the next one's index and position
  bool stopped_ = false;
  measure::ConnectResult result_;
};

}  // namespace c1m::loadgen
