// Filling the block; see payload.hpp.
#include "loadgen/payload.hpp"

#include "os/assert.hpp"

namespace c1m::loadgen {

Payload::Payload(PayloadForm form, std::uint64_t seed)
    : form_(form), seed_(mix64(seed)), block_(offset_count + form.bytes_max) {
  C1M_ASSERT(form.bytes_min > 0 && form.bytes_min <= form.bytes_max, "a message has bytes");
  Xoshiro256 random(seed);
  for (auto& byte : block_) {
    byte = static_cast<std::byte>(random.next() >> 56);
    if (form.is_text) byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) % 64 + '0');
  }
}

}  // namespace c1m::loadgen
