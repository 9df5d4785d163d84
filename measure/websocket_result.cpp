// Adding shards' results; see websocket_result.hpp.
#include "measure/websocket_result.hpp"

namespace c1m::measure {

WebSocketResult& WebSocketResult::operator+=(const WebSocketResult& other) {
  handshake_ns.merge(other.handshake_ns);
  ping_rtt_ns.merge(other.ping_rtt_ns);
  close_ns.merge(other.close_ns);
  pings_sent += other.pings_sent;
  pongs_received += other.pongs_received;
  pongs_unasked += other.pongs_unasked;
  pings_skipped += other.pings_skipped;
  pings_received += other.pings_received;
  closes_sent += other.closes_sent;
  closes_answered += other.closes_answered;
  closes_answered_otherwise += other.closes_answered_otherwise;
  closes_received += other.closes_received;
  protocol_errors += other.protocol_errors;
  return *this;
}

}  // namespace c1m::measure
