// All that the generator keeps for one connection: 40 bytes, beside what the kernel keeps.
//
// A connection's unsettled requests form a queue in the shard's RequestPool, in the order of their
// sending. The first `first_unsent` of them went to the kernel whole; `head` awaits its answer.
// Threads: one owner, the shard. Not here: addresses (they follow from the connection's number).
#pragma once

#include <cstdint>

#include "loadgen/request_pool.hpp"

namespace c1m::loadgen {

enum class ConnectionState : std::uint8_t {
  unopened,
  connecting,  // owned by the Connector, also during a handshake
  established,
  closing,  // its orderly end is under way; carries no further request
  parted,   // between two lives: has no socket, takes requests for the next one
  closed,   // by the peer, by an error, or because its connect failed
};

struct Connection {
  int fd = -1;
  RequestIndex head = no_request;          // oldest request
  RequestIndex tail = no_request;          // newest request
  RequestIndex first_unsent = no_request;  // oldest request with bytes to send
  RequestIndex matching = no_request;      // whose answer the received bytes are held against
  std::uint32_t next_sequence = 0;
  std::uint32_t received_bytes = 0;  // of the answer that is arriving
  std::uint32_t sent_bytes = 0;      // of first_unsent
  std::uint32_t unanswered = 0;      // requests of which at least a byte was sent
  ConnectionState state = ConnectionState::unopened;
  bool answer_is_corrupt : 1 = false;  // the answer that is arriving had a wrong byte
  bool awaits_room : 1 = false;        // registered for writability: the socket's buffer was full
  bool has_urgent : 1 = false;         // something of the protocol goes before the next request
  bool is_retiring : 1 = false;        // established, but begins no request: its life is over
  bool ends_by_reset : 1 = false;      // of one that is retiring: not in order
};

// The figure that documents report as generator.connection_bytes, to which a WebSocket's own state
// is added (websocket_exchange). There is no other steady cost: a request in flight takes
// sizeof(Request) more.
static_assert(sizeof(Connection) == 40, "the generator promises at most 64 bytes a connection");

}  // namespace c1m::loadgen
