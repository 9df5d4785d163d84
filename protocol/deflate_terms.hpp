// Agreeing on permessage-deflate (RFC 7692): reading Sec-WebSocket-Extensions, choosing an offer,
// judging an answer. Both sides always ask for no context takeover, so that an idle connection has
// no window. Threads: values. Not here: compressing (message_codec.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http_head.hpp"

namespace c1m::protocol {

struct ExtensionParameter {
  std::string_view name;
  std::optional<std::string> value;  // without its quotes
};

struct Extension {
  std::string_view name;
  std::vector<ExtensionParameter> parameters;
};

// All extensions of a head, in order. The error says what is wrong with the text.
[[nodiscard]] std::expected<std::vector<Extension>, const char*> parse_extensions(
    const HttpHead& head);

// What was agreed on.
struct DeflateTerms {
  static constexpr std::uint8_t window_bits_max = 15;
  std::uint8_t own_window_bits = window_bits_max;  // that we may compress with, 9 to 15
};

// The first offer that a server can keep to. Declined: unknown, repeated or bad parameters, and a
// server window of 8 bits, which zlib does not have.
[[nodiscard]] std::optional<DeflateTerms> choose_offer(const std::vector<Extension>& offers);

// The value of Sec-WebSocket-Extensions with which a server accepts.
[[nodiscard]] std::string deflate_answer(const DeflateTerms& terms);

// What a client offers.
inline constexpr std::string_view deflate_offer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

// Reads a server's answer to deflate_offer: no extension is an empty optional; anything that was
// not offered is an error.
[[nodiscard]] std::expected<std::optional<DeflateTerms>, const char*> judge_answer(
    const std::vector<Extension>& answer);

}  // namespace c1m::protocol
