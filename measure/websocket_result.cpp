// Adding shards' results; see websocket_result.hpp.
#include "measure/websocket_result.hpp"

#include "measure/websocket_result_counters.hpp"

namespace c1m::measure {

WebSocketResult& WebSocketResult::operator+=(const WebSocketResult& other) {
  handshake_ns.merge(other.handshake_ns);
  ping_rtt_ns.merge(other.ping_rtt_ns);
  close_ns.merge(other.close_ns);
  for (const auto& [name, value] : websocket_counters) this->*value += other.*value;
  return *this;
}

}  // namespace c1m::measure
