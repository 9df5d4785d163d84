// The counters of a WebSocketResult by name, in the order of the documents: for whatever treats all
// of them alike. Threads: none. Not here: its histograms.
#pragma once

#include <array>
#include <cstdint>

#include "measure/websocket_result.hpp"

namespace c1m::measure {

struct WebSocketCounter {
  const char* name;
  std::uint64_t WebSocketResult::* value;
};

inline constexpr std::array websocket_counters{
    WebSocketCounter{"pings_sent", &WebSocketResult::pings_sent},
    WebSocketCounter{"pongs_received", &WebSocketResult::pongs_received},
    WebSocketCounter{"pongs_unasked", &WebSocketResult::pongs_unasked},
    WebSocketCounter{"pings_skipped", &WebSocketResult::pings_skipped},
    WebSocketCounter{"pings_received", &WebSocketResult::pings_received},
    WebSocketCounter{"closes_sent", &WebSocketResult::closes_sent},
    WebSocketCounter{"closes_answered", &WebSocketResult::closes_answered},
    WebSocketCounter{"closes_answered_otherwise", &WebSocketResult::closes_answered_otherwise},
    WebSocketCounter{"closes_received", &WebSocketResult::closes_received},
    WebSocketCounter{"protocol_errors", &WebSocketResult::protocol_errors},
    WebSocketCounter{"deflate_agreed", &WebSocketResult::deflate_agreed},
    WebSocketCounter{"deflate_declined", &WebSocketResult::deflate_declined},
    WebSocketCounter{"compressed_sent", &WebSocketResult::compressed_sent},
    WebSocketCounter{"compressed_sent_bytes", &WebSocketResult::compressed_sent_bytes},
    WebSocketCounter{"compressed_sent_message_bytes",
                     &WebSocketResult::compressed_sent_message_bytes},
    WebSocketCounter{"compressed_received", &WebSocketResult::compressed_received},
    WebSocketCounter{"compressed_received_bytes", &WebSocketResult::compressed_received_bytes},
    WebSocketCounter{"compressed_received_message_bytes",
                     &WebSocketResult::compressed_received_message_bytes},
};

}  // namespace c1m::measure
