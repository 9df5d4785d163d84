// Why a WebSocket session ends: the codes of RFC 6455, section 7.4, and which of them a Close frame
// may carry. Threads: values. Not here: when to close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace c1m::protocol {

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unacceptable_type = 1003,
  none_given = 1005,  // never on the wire: the Close frame was empty
  abnormal = 1006,    // never on the wire: there was no Close frame
  invalid_payload = 1007,
  policy_violation = 1008,
  too_big = 1009,
  extension_missing = 1010,
  unexpected_condition = 1011,
};

// What is wrong with what a peer sent: the code to close with, and the reason in words, which is
// ASCII, shorter than a control frame, and has static storage.
struct Failure {
  CloseCode code = CloseCode::protocol_error;
  const char* why = "";
};

// Whether a peer may send `code`: 1000 to 1003, those that IANA has registered since (1007 to
// 1014), and what libraries and applications have for themselves (3000 to 4999).
[[nodiscard]] bool may_be_sent(std::uint16_t code);

struct ClosePayload {
  CloseCode code = CloseCode::none_given;
  std::span<const std::byte> reason;  // UTF-8, within the payload
};

// Reads the payload of a Close frame. 1002 for one byte alone or a code that may not be sent, 1007
// for a reason that is not UTF-8.
[[nodiscard]] std::expected<ClosePayload, Failure> read_close_payload(
    std::span<const std::byte> payload);

}  // namespace c1m::protocol
