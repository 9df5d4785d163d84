// What each request says: a slice of one pseudo-random block, at an offset, and of a size if those
// are drawn, that its connection and its sequence number choose. So the expected answer is known at
// any time without keeping a copy.
//
// Invariant: the same seed and form give the same bytes in every shard. Two requests agree by
// chance once in 65,536; messages of one or two bytes (of words: of some ten) agree much more
// often, so that a swap among those may stay unseen. Threads: immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "loadgen/xoshiro.hpp"

namespace c1m::loadgen {

// What the block is made of.
enum class PayloadContent : std::uint8_t {
  bytes,      // every value equally likely: nothing to compress
  printable,  // 64 ASCII characters equally likely, so that every slice is UTF-8
  // Made-up lower-case words, a few often and most seldom (Zipf's law), as in natural language:
  // UTF-8 too, and something to compress.
  words,
};

// Of all messages of a run.
struct PayloadForm {
  std::size_t bytes_min = 0;  // above 0; sizes are drawn evenly from here
  std::size_t bytes_max = 0;  // to here
  PayloadContent content = PayloadContent::bytes;
};

class Payload {
 public:
  Payload(PayloadForm form, std::uint64_t seed);
  Payload(std::size_t message_bytes, std::uint64_t seed)
      : Payload({.bytes_min = message_bytes, .bytes_max = message_bytes}, seed) {}

  // The most that a message has.
  [[nodiscard]] std::size_t message_bytes() const { return form_.bytes_max; }

  // The bytes of request `sequence` of connection `connection` (global number).
  [[nodiscard]] std::span<const std::byte> message(std::uint32_t connection,
                                                   std::uint32_t sequence) const {
    const std::uint64_t request = (std::uint64_t{connection} << 32) | sequence;
    const std::uint64_t drawn = mix64(request ^ seed_);
    const std::size_t sizes = form_.bytes_max - form_.bytes_min + 1;
    const std::size_t size = form_.bytes_min + (((drawn >> 32) * sizes) >> 32);
    return std::span(block_).subspan(drawn % offset_count, size);
  }

  // Block bytes beside the message: fits the second-level cache.
  static constexpr std::size_t offset_count = 65'536;

 private:
  PayloadForm form_;
  std::uint64_t seed_;
  std::vector<std::byte> block_;
};

}  // namespace c1m::loadgen
