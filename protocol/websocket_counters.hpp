// What WebSocket sessions count. Invariant: opened - ended is the number of open sessions, and
// every session that ends is counted under one close code. Threads: any may count (relaxed
// additions), others may read meanwhile. Not here: bytes on the wire, which backends count.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "protocol/close_code.hpp"

namespace c1m::protocol {

// The codes that are counted apart; the rest is one count behind them.
inline constexpr std::array<std::uint16_t, 10> counted_close_codes{1000, 1001, 1002, 1003, 1005,
                                                                   1006, 1007, 1008, 1009, 1011};
inline constexpr std::size_t close_counts = counted_close_codes.size() + 1;

// Which count of closes a code belongs to.
[[nodiscard]] constexpr std::size_t close_count_of(CloseCode code) {
  std::size_t place = 0;
  while (place < counted_close_codes.size() &&
         counted_close_codes[place] != static_cast<std::uint16_t>(code))
    ++place;
  return place;
}

struct WebSocketCounters {
  using Count = std::atomic<std::uint64_t>;

  // What happens on every message, first: it shares a cache line with nothing else.
  Count messages_received = 0;
  Count message_bytes_received = 0;  // payloads as the application sees them
  Count messages_sent = 0;
  Count message_bytes_sent = 0;
  Count pings_sent = 0;
  Count pings_received = 0;
  Count pongs_received = 0;
  Count sessions_opened = 0;  // handshakes that were answered with 101
  Count sessions_ended = 0;
  Count handshakes_refused = 0;    // answered with another status
  Count handshakes_abandoned = 0;  // ended, or timed out, before an answer
  std::array<Count, close_counts> closes{};

  static void add(Count& count, std::uint64_t by) {
    count.fetch_add(by, std::memory_order_relaxed);
  }
};

}  // namespace c1m::protocol
