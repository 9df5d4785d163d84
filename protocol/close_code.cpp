// Codes and payloads of Close frames; see close_code.hpp.
#include "protocol/close_code.hpp"

#include <bit>

#include "protocol/utf8.hpp"

namespace c1m::protocol {

bool may_be_sent(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

std::expected<ClosePayload, Failure> read_close_payload(std::span<const std::byte> payload) {
  if (payload.empty()) return ClosePayload{};
  if (payload.size() == 1) {
    return std::unexpected(Failure{CloseCode::protocol_error, "half a close code"});
  }
  const auto code = static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 |
                                               std::to_integer<unsigned>(payload[1]));
  if (!may_be_sent(code)) {
    return std::unexpected(Failure{CloseCode::protocol_error, "a close code that is not allowed"});
  }
  const auto reason = payload.subspan(2);
  if (!is_utf8(reason)) {
    return std::unexpected(Failure{CloseCode::invalid_payload, "a close reason not in UTF-8"});
  }
  return ClosePayload{.code = std::bit_cast<CloseCode>(code), .reason = reason};
}

}  // namespace c1m::protocol
