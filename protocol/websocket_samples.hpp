// For tests and fuzzers of WebSocket: the conformance tables of conformance/*.json as bytes and
// expectations, and a peer that talks to a session in memory. tests/ runs the same tables against
// the servers. Threads: values. Not here: what must hold (the tests).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/websocket_client.hpp"
#include "protocol/websocket_session.hpp"

namespace c1m::protocol::samples {

using Bytes = std::vector<std::byte>;

Bytes to_bytes(std::string_view text);
std::string to_text(std::span<const std::byte> bytes);
Bytes from_hex(std::string_view hex);
std::string to_hex(std::span<const std::byte> bytes);

// What a peer sees of a session, in words: "text(Hello)", "close(1002)".
std::string describe(const Incoming& incoming);

struct FrameCase {
  std::string name;  // with its section
  Bytes sent;        // masked frames, after the handshake
  std::vector<std::string> expected;
  std::string reply;         // the answer's bytes in hex, where a case fixes them
  std::string reply_begins;  // likewise, their beginning
  bool deflate = false;
  std::size_t message_bytes_max = WebSocketSettings::default_message_bytes_max;
  std::uint32_t fragments_max = WebSocketSettings::default_fragments_max;
};
std::vector<FrameCase> frame_cases();

struct HandshakeCase {
  std::string name;
  std::string head;
  int status = 0;
  std::vector<std::string> contained;
  std::vector<std::string> absent;
  std::vector<std::string> origins;
  bool deflate = false;
};
std::vector<HandshakeCase> handshake_cases();

// A valid request, with an offer of compression if wanted.
std::string good_request(bool deflate = false);

// A session with its service, fed in memory.
class SessionDesk {
 public:
  explicit SessionDesk(WebSocketSettings wanted = {});

  // Feeds one read's worth; appends what is answered. Nothing once the connection is closed.
  void feed(std::span<const std::byte> bytes, Milliseconds now = 0);
  void feed_cut(std::span<const std::byte> bytes, std::size_t piece_bytes);
  // Feeds a good handshake and forgets the answer.
  void open(Milliseconds now = 0);
  void take(const Reply& reply);

  WebSocketSettings settings;
  WebSocketCounters counters;
  WebSocketService service{settings, counters};
  WebSocketSession session;
  Bytes answered;
  After after = After::keep_open;  // the last that was not keep_open
};

// What the frames of a server say to a client, in words; ends with "rubbish" when they do not hold.
std::vector<std::string> understand(std::span<const std::byte> frames, bool deflate);

// A masked frame.
Bytes masked_frame(FrameHeader header, std::span<const std::byte> payload);

}  // namespace c1m::protocol::samples
