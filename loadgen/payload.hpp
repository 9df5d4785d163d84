// What each request says: a slice of one pseudo-random block, at an offset that its connection and
// its sequence number choose. So the expected answer is known at any time without keeping a copy.
//
// Invariant: the same seed and size give the same bytes in every shard. Two requests agree by
// chance once in 65,536; messages of one or two bytes agree much more often, so that a swap among
// those may stay unseen. Threads: immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "loadgen/xoshiro.hpp"

namespace c1m::loadgen {

class Payload {
 public:
  // `message_bytes` > 0.
  Payload(std::size_t message_bytes, std::uint64_t seed);

  [[nodiscard]] std::size_t message_bytes() const { return message_bytes_; }

  // The bytes of request `sequence` of connection `connection` (global number).
  [[nodiscard]] std::span<const std::byte> message(std::uint32_t connection,
                                                   std::uint32_t sequence) const {
    const std::uint64_t request = (std::uint64_t{connection} << 32) | sequence;
    const std::size_t offset = mix64(request ^ seed_) % offset_count;
    return std::span(block_).subspan(offset, message_bytes_);
  }

  // Block bytes beside the message: fits the second-level cache.
  static constexpr std::size_t offset_count = 65'536;

 private:
  std::size_t message_bytes_;
  std::uint64_t seed_;
  std::vector<std::byte> block_;
};

}  // namespace c1m::loadgen
