// A client's frames of a message, any part of them at any time: what the kernel did not take is
// composed again from the middle on, so that nothing is kept for a message that is on its way.
//
// A mask key is a hash of a secret, the message's name and the frame's number (RFC 6455, section
// 5.3, wants keys that nobody foresees): the same for the same frame whenever it is composed, and
// cheaper than drawing one. Threads: immutable. Not here: compressing, control frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "loadgen/xoshiro.hpp"
#include "protocol/frame_header.hpp"
#include "protocol/masking.hpp"

namespace c1m::loadgen {

// What the frames carry.
struct FramedMessage {
  std::span<const std::byte> payload;  // not empty
  std::uint64_t name = 0;              // another one for each message
  bool is_compressed = false;          // the payload is, as permessage-deflate has it
};

class FrameComposer {
 public:
  // `opcode`: text or binary. `fragment_bytes`: the most payload of a frame; 0 for whole messages.
  FrameComposer(protocol::Opcode opcode, std::size_t fragment_bytes, std::uint64_t secret)
      : opcode_(opcode), fragment_bytes_(fragment_bytes), secret_(mix64(secret)) {}

  // Bytes of all frames of a payload so long.
  [[nodiscard]] std::size_t stream_bytes(std::size_t payload_bytes) const;

  // Writes the stream of `message` from `offset` on to `to`, as far as there is room, and returns
  // how many bytes those are.
  std::size_t compose(const FramedMessage& message, std::size_t offset,
                      std::span<std::byte> to) const;

  // For a frame that does not belong to a message.
  [[nodiscard]] protocol::MaskKey key(std::uint64_t name, std::uint64_t frame) const;

 private:
  struct Frame {
    protocol::FrameHeader header;
    std::size_t message_offset = 0;
  };
  [[nodiscard]] std::size_t payload_bytes_max(std::size_t message_bytes) const;
  [[nodiscard]] Frame frame(std::size_t number, const FramedMessage& message) const;

  protocol::Opcode opcode_;
  std::size_t fragment_bytes_;
  std::uint64_t secret_;
};

}  // namespace c1m::loadgen
