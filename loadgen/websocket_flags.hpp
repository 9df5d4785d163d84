// The flags that only --protocol ws has, and what it adds to the size of messages.
// Threads: one owner. Not here: flags of all protocols (load_flags).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "loadgen/flag_reader.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

enum class MessageKind : std::uint8_t { binary, text };

struct WebSocketSettings {
  os::Nanoseconds ping_interval_ns = 0;  // 0: no pings
  std::string path = "/";
  std::uint32_t fragment_bytes = 0;  // the most payload of a frame; 0: whole messages
  MessageKind kind = MessageKind::binary;
};

// As the user wrote them; empty where he did not.
struct WebSocketTexts {
  std::string opcode;
  std::string fragment;
  std::string ping_interval;
  std::string path;
};

struct WebSocketFlag {
  const char* name;
  std::string* text;  // which it fills
  const char* help;
};

[[nodiscard]] std::array<WebSocketFlag, 4> websocket_flags(WebSocketTexts& texts);

// Reports any of them when the protocol is another one.
[[nodiscard]] WebSocketSettings read_websocket(FlagReader& reader, const WebSocketTexts& texts,
                                               bool is_websocket);

struct MessageSizes {
  std::uint32_t bytes_min = 1;
  std::uint32_t bytes_max = 1;
};

// "64", or "16-4KiB" where messages have boundaries of their own: in a byte stream of drawn sizes a
// swallowed request could not be told from a wrong byte.
[[nodiscard]] MessageSizes read_message_sizes(FlagReader& reader, std::string_view text,
                                              bool is_websocket);

[[nodiscard]] const char* name_of(MessageKind kind);

}  // namespace c1m::loadgen
