// Filling the block; see payload.hpp.
#include "loadgen/payload.hpp"

#include "os/assert.hpp"

namespace c1m::loadgen {

Payload::Payload(std::size_t message_bytes, std::uint64_t seed)
    : message_bytes_(message_bytes), seed_(mix64(seed)), block_(offset_count + message_bytes) {
  C1M_ASSERT(message_bytes > 0, "a message has bytes");
  Xoshiro256 random(seed);
  for (auto& byte : block_) byte = static_cast<std::byte>(random.next() >> 56);
}

}  // namespace c1m::loadgen
