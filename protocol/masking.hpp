// The masking of RFC 6455, section 5.3: byte i of a payload is XORed with byte i mod 4 of the key;
// doing it again undoes it. Threads: values. Not here: where keys come from.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace c1m::protocol {

using MaskKey = std::array<std::byte, 4>;

// Masks `from` into `to`, which has room for it and is the same place or does not overlap it. The
// first byte is number `offset` of its payload. Any alignment.
void apply_mask(std::span<const std::byte> from, std::byte* to, const MaskKey& key,
                std::size_t offset);

// In place.
inline void apply_mask(std::span<std::byte> bytes, const MaskKey& key, std::size_t offset) {
  apply_mask(bytes, bytes.data(), key, offset);
}

}  // namespace c1m::protocol
