// When the connections of a shard are pinged, and when they are closed.
//
// Invariants: pings are spread evenly over their interval, so that they are no burst; at the end no
// more closing handshakes are under way than keep a server busy. Threads: one owner. Not here: the
// frames (websocket_exchange), waiting (load_shard).
#pragma once

#include <cstdint>

#include "loadgen/traffic.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

// Pings each connection once an interval, in the order of their numbers.
class PingRound {
 public:
  // `interval_ns` > 0. From `start_ns` on, before `end_ns`.
  PingRound(WebSocketExchange& exchange, os::Nanoseconds interval_ns, os::Nanoseconds start_ns,
            os::Nanoseconds end_ns);

  // never_ns when there is no further one.
  [[nodiscard]] os::Nanoseconds next_due_ns() const { return next_due_ns_; }
  // Sends what is due, a burst at most.
  void send_due(os::Nanoseconds now_ns);

 private:
  void find_next_due();

  WebSocketExchange& exchange_;
  os::Nanoseconds interval_ns_;
  os::Nanoseconds start_ns_;
  os::Nanoseconds end_ns_;
  std::uint64_t sent_ = 0;
  os::Nanoseconds next_due_ns_ = never_ns;
};

// Closes every connection that is left, until none has got on for so long as its owner is patient.
class CloseRound {
 public:
  CloseRound(WebSocketExchange& exchange, os::Nanoseconds now_ns)
      : exchange_(exchange), progress_ns_(now_ns) {}

  // Begins as many closing handshakes as may be under way; false when there is nothing to wait for.
  [[nodiscard]] bool goes_on(os::Nanoseconds now_ns, os::Nanoseconds patience_ns);
  // When it is given up, unless one gets on before.
  [[nodiscard]] os::Nanoseconds deadline_ns(os::Nanoseconds patience_ns) const {
    return progress_ns_ + patience_ns;
  }

  static constexpr std::uint32_t under_way_max = 256;

 private:
  WebSocketExchange& exchange_;
  os::Nanoseconds progress_ns_;
  std::uint64_t answered_ = 0;
  std::uint32_t begun_ = 0;  // connections that were taken in turn
};

}  // namespace c1m::loadgen
