// Puts the frames of one reply together: in the received buffer as long as they fit in front of
// what is still to be read there, otherwise in a block. So an echoed frame that was received whole
// is not copied, and a message that was collected in a block goes out from that block. Invariant:
// never writes into input that has not been taken yet. Threads: one; lives for one receive(). Not
// here: what to reply.
#pragma once

#include <cstddef>
#include <span>

#include "protocol/block.hpp"
#include "protocol/frame_header.hpp"
#include "protocol/session.hpp"

namespace c1m::protocol {

class ReplyWriter {
 public:
  // `input`: the received bytes, all of them.
  explicit ReplyWriter(std::span<std::byte> input) : input_(input) {}

  // The first `bytes` of the input have been taken; their place may be written to.
  void set_taken(std::size_t bytes) { taken_ = bytes; }

  // A frame with this payload, which lies in taken input, in `storage` behind room for a header, or
  // elsewhere. header.payload_bytes is set here; frames of servers have no mask.
  void add_frame(FrameHeader header, std::span<std::byte> payload, Block storage);

  void add_bytes(std::span<const std::byte> bytes);

  [[nodiscard]] Reply finish(After after) &&;

 private:
  [[nodiscard]] bool is_empty() const { return begin_ == end_; }
  // Where `bytes` more go, in the input or in the block.
  std::byte* make_room(std::size_t bytes);

  std::span<std::byte> input_;
  std::size_t taken_ = 0;
  Block block_;            // used when it is not empty, instead of the input
  std::size_t begin_ = 0;  // of the reply, in either
  std::size_t end_ = 0;
};

}  // namespace c1m::protocol
