// From texts to settings; see websocket_flags.hpp.
#include "loadgen/websocket_flags.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace c1m::loadgen {
namespace {

// With the rest of the request below the 16 KiB that servers allow.
constexpr std::size_t path_bytes_max = 8'000;

// What may stand in a request line (RFC 9112, section 3.2.1), as far as a client must know.
bool is_path(std::string_view text) {
  return text.starts_with('/') && text.size() <= path_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
}

}  // namespace

WebSocketSettings read_websocket(FlagReader& reader, const WebSocketTexts& texts,
                                 bool is_websocket) {
  WebSocketSettings settings;
  for (const auto& [flag, text] : {std::pair("--ws-opcode", &texts.opcode),
                                   {"--ws-fragment", &texts.fragment},
                                   {"--ws-ping-interval", &texts.ping_interval},
                                   {"--ws-path", &texts.path},
                                   {"--ws-payload", &texts.content},
                                   {"--ws-deflate", &texts.deflate}}) {
    if (is_websocket || text->empty()) continue;
    const bool has_value = text != &texts.deflate;
    reader.report(flag, has_value ? fmt::format("'{}' needs --protocol ws", *text)
                                  : std::string("needs --protocol ws"));
    return settings;
  }
  if (!texts.opcode.empty()) {
    settings.kind = reader.choice("--ws-opcode", texts.opcode, {"binary", "text"}) == 0
                        ? MessageKind::binary
                        : MessageKind::text;
  }
  if (!texts.fragment.empty())
    settings.fragment_bytes = reader.size("--ws-fragment", texts.fragment);
  if (!texts.ping_interval.empty()) {
    settings.ping_interval_ns =
        reader.duration("--ws-ping-interval", texts.ping_interval, os::ns_per_ms);
  }
  if (!texts.content.empty()) {
    settings.content = reader.choice("--ws-payload", texts.content, {"random", "words"}) == 0
                           ? MessageContent::random
                           : MessageContent::words;
  }
  settings.deflate = texts.deflate == "true";
  if (texts.path.empty()) return settings;
  settings.path = texts.path;
  if (!is_path(settings.path)) {
    reader.report("--ws-path",
                  fmt::format("'{}' is not a path that begins with / and has at most {} "
                              "printable characters without spaces and #",
                              settings.path, path_bytes_max));
  }
  return settings;
}

std::array<WebSocketFlag, 6> websocket_flags(WebSocketTexts& texts) {
  return {{{"--ws-opcode", &texts.opcode,
            "binary | text: what the messages of --protocol ws are [binary]"},
           {"--ws-fragment", &texts.fragment,
            "send messages in frames of so many bytes at most [whole]"},
           {"--ws-ping-interval", &texts.ping_interval,
            "ping each connection so often, spread evenly, and time the pongs [no pings]"},
           {"--ws-path", &texts.path, "path and query of the handshake [/]"},
           {"--ws-payload", &texts.content,
            "random | words: bytes that do not compress (of text: by a fifth), or words of which "
            "few are frequent, as in a language [random]"},
           {"--ws-deflate", &texts.deflate,
            "offer permessage-deflate (RFC 7692) without context takeover, compress every message, "
            "inflate and verify the answers; a server that declines makes the run not valid",
            /*has_value=*/false}}};
}

MessageSizes read_message_sizes(FlagReader& reader, std::string_view text, bool is_websocket) {
  constexpr const char* flag = "-s,--message-size";
  const std::size_t dash = text.find('-');
  MessageSizes sizes;
  sizes.bytes_min = sizes.bytes_max = reader.size(flag, text.substr(0, dash));
  if (dash == std::string_view::npos) return sizes;
  sizes.bytes_max = reader.size(flag, text.substr(dash + 1));
  if (!is_websocket) {
    reader.report(flag, fmt::format("'{}': sizes are drawn only with --protocol ws", text));
  } else if (sizes.bytes_max < sizes.bytes_min) {
    reader.report(flag, fmt::format("'{}': the first must be the least", text));
  }
  return sizes;
}

const char* name_of(MessageKind kind) {
  return kind == MessageKind::text ? "text" : "binary";
}

const char* name_of(MessageContent content) {
  return content == MessageContent::words ? "words" : "random";
}

PayloadContent content_of(const WebSocketSettings& settings) {
  if (settings.content == MessageContent::words) return PayloadContent::words;
  return settings.kind == MessageKind::text ? PayloadContent::printable : PayloadContent::bytes;
}

}  // namespace c1m::loadgen
