// The header of a WebSocket frame (RFC 6455, section 5.2), read strictly and written in its
// shortest form. Invariant: a header is refused at the first byte that makes it wrong, so that the
// answer is the same however the stream is cut. Threads: values. Not here: payloads, and the order
// of frames (message_reader.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/close_code.hpp"
#include "protocol/masking.hpp"

namespace c1m::protocol {

// Which end we are: a server's peer must mask, a client's must not.
enum class Role : std::uint8_t { server, client };

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};
[[nodiscard]] constexpr bool is_control(Opcode opcode) {
  return opcode >= Opcode::close;
}

inline constexpr std::size_t frame_header_bytes_max = 14;
inline constexpr std::size_t control_payload_bytes_max = 125;

struct FrameHeader {
  bool is_final = true;
  bool is_compressed = false;  // RSV1, as permessage-deflate uses it
  Opcode opcode = Opcode::binary;
  bool is_masked = false;
  MaskKey key{};
  std::uint64_t payload_bytes = 0;
};

struct HeaderReading {
  enum class Outcome : std::uint8_t { complete, incomplete, wrong };
  Outcome outcome = Outcome::incomplete;
  FrameHeader header;     // when complete
  std::size_t bytes = 0;  // that it takes; when complete
  const char* why = "";   // when wrong, which is a protocol error (1002)
};

// Reads the header at the front of `bytes`. `may_be_compressed`: permessage-deflate was agreed on.
[[nodiscard]] HeaderReading read_frame_header(std::span<const std::byte> bytes, Role role,
                                              bool may_be_compressed);

// How long the header of a frame with such a payload is.
[[nodiscard]] constexpr std::size_t frame_header_bytes(std::uint64_t payload_bytes,
                                                       bool is_masked) {
  std::size_t length_bytes = 0;
  if (payload_bytes >= 126) length_bytes = payload_bytes < 65'536 ? 2 : 8;
  return 2 + length_bytes + (is_masked ? sizeof(MaskKey) : 0);
}

// Writes frame_header_bytes(..) to `to` and returns how many those are.
std::size_t write_frame_header(const FrameHeader& header, std::byte* to);

}  // namespace c1m::protocol
