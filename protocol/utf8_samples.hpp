// For tests and fuzzers of UTF-8: a decoder written from the definition, by code points, which has
// nothing in common with the validator; and random text with faults. Threads: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace c1m::protocol::samples {

// Decodes into code points and encodes each again: valid is what comes back the same.
inline bool decodes_as_utf8(std::span<const std::byte> bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto lead = std::to_integer<std::uint32_t>(bytes[at]);
    std::size_t size = 1;
    std::uint32_t point = lead;
    if (lead >= 0x80) {
      if (lead >> 5 == 0b110) {
        size = 2;
        point = lead & 0x1f;
      } else if (lead >> 4 == 0b1110) {
        size = 3;
        point = lead & 0x0f;
      } else if (lead >> 3 == 0b11110) {
        size = 4;
        point = lead & 0x07;
      } else {
        return false;
      }
    }
    if (bytes.size() - at < size) return false;
    for (std::size_t i = 1; i < size; ++i) {
      const auto next = std::to_integer<std::uint32_t>(bytes[at + i]);
      if (next >> 6 != 0b10) return false;
      point = point << 6 | (next & 0x3f);
    }
    const std::size_t shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (size != shortest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    at += size;
  }
  return true;
}

// Mostly valid characters of all lengths, now and then with a byte changed.
inline std::vector<std::byte> random_text(std::mt19937& random, std::size_t characters) {
  std::vector<std::byte> text;
  const auto put = [&text](std::uint32_t byte) { text.push_back(static_cast<std::byte>(byte)); };
  constexpr std::array<std::uint32_t, 4> sizes{0x80, 0x800, 0x10000, 0x110000};
  for (std::size_t i = 0; i < characters; ++i) {
    const std::uint32_t point = random() % sizes[random() % sizes.size()];
    if (point < 0x80) {
      put(point);
    } else if (point < 0x800) {
      put(0xc0 | point >> 6);
      put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      put(0xe0 | point >> 12);
      put(0x80 | (point >> 6 & 0x3f));
      put(0x80 | (point & 0x3f));
    } else {
      put(0xf0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3f));
      put(0x80 | (point >> 6 & 0x3f));
      put(0x80 | (point & 0x3f));
    }
  }
  if (random() % 2 == 0) text[random() % text.size()] = static_cast<std::byte>(random());
  return text;
}

}  // namespace c1m::protocol::samples
