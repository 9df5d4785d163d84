// The flags that only --protocol ws has, and what it adds to the size of messages.
// Threads: one owner. Not here: flags of all protocols (load_flags).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "loadgen/flag_reader.hpp"
#include "loadgen/payload.hpp"
#include "os/clock.hpp"

namespace c1m::loadgen {

enum class MessageKind : std::uint8_t { binary, text };
enum class MessageContent : std::uint8_t { random, words };

struct WebSocketSettings {
  os::Nanoseconds ping_interval_ns = 0;  // 0: no pings
  std::string path = "/";
  std::uint32_t fragment_bytes = 0;  // the most payload of a frame; 0: whole messages
  MessageKind kind = MessageKind::binary;
  MessageContent content = MessageContent::random;
  bool deflate = false;  // permessage-deflate is offered, and messages are compressed
};

// As the user wrote them; empty where he did not.
struct WebSocketTexts {
  std::string opcode;
  std::string fragment;
  std::string ping_interval;
  std::string path;
  std::string content;
  std::string deflate;
};

struct WebSocketFlag {
  const char* name;
  std::string* text;  // which it fills
  const char* help;
  bool has_value = true;  // without: the text is "true" where it is given
};

[[nodiscard]] std::array<WebSocketFlag, 6> websocket_flags(WebSocketTexts& texts);

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
[[nodiscard]] const char* name_of(MessageContent content);

// What the bytes of the messages are drawn from.
[[nodiscard]] PayloadContent content_of(const WebSocketSettings& settings);

}  // namespace c1m::loadgen
