// What a run over WebSocket measured beside its requests; of one shard, and of all by operator+=.
// Threads: plain values. Not here: JSON (load_result_json, load_document).
#pragma once

#include <cstdint>

#include "measure/histogram.hpp"

namespace c1m::measure {

struct WebSocketResult {
  Histogram handshake_ns;  // from sending the request to reading the server's agreement
  Histogram ping_rtt_ns;   // of pings that were due in the window, from when they were due
  Histogram close_ns;      // from sending our Close to reading the server's
  std::uint64_t pings_sent = 0;
  std::uint64_t pongs_received = 0;  // that answered a ping of ours
  std::uint64_t pongs_unasked = 0;
  std::uint64_t pings_skipped = 0;   // were due while the connection's last had no answer
  std::uint64_t pings_received = 0;  // of the server's; each is answered
  std::uint64_t closes_sent = 0;     // at the end, with code 1000
  std::uint64_t closes_answered = 0;
  std::uint64_t closes_answered_otherwise = 0;  // with another code than ours; part of the above
  std::uint64_t closes_received = 0;            // of the server's own, before ours
  std::uint64_t protocol_errors = 0;            // connections that we closed for one
  // Of connections on which permessage-deflate was offered.
  std::uint64_t deflate_agreed = 0;
  std::uint64_t deflate_declined = 0;
  // Messages that left, or came, compressed: how many, what their payloads took, and their own
  // bytes. Of the whole run.
  std::uint64_t compressed_sent = 0;
  std::uint64_t compressed_sent_bytes = 0;
  std::uint64_t compressed_sent_message_bytes = 0;
  std::uint64_t compressed_received = 0;
  std::uint64_t compressed_received_bytes = 0;
  std::uint64_t compressed_received_message_bytes = 0;

  WebSocketResult& operator+=(const WebSocketResult& other);
  friend bool operator==(const WebSocketResult&, const WebSocketResult&) = default;
};

}  // namespace c1m::measure
