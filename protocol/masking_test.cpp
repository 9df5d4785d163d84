// Masking against its definition, for all small lengths, offsets and alignments.
#include "protocol/masking.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::protocol {
namespace {

constexpr MaskKey key{std::byte{0x12}, std::byte{0x34}, std::byte{0x56}, std::byte{0x78}};

std::vector<std::byte> numbered(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7);
  return bytes;
}

TEST(Masking, FollowsItsDefinitionWhateverLengthOffsetAndAlignment) {
  for (std::size_t size = 0; size < 140; ++size) {
    for (std::size_t offset = 0; offset < 9; ++offset) {
      for (std::size_t alignment = 0; alignment < 8; ++alignment) {
        const std::vector<std::byte> before = numbered(alignment + size + 1);
        std::vector<std::byte> bytes = before;
        apply_mask(std::span(bytes).subspan(alignment, size), key, offset);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          const bool is_inside = i >= alignment && i < alignment + size;
          const std::byte by = is_inside ? key[(i - alignment + offset) % 4] : std::byte{0};
          ASSERT_EQ(bytes[i], before[i] ^ by) << size << ' ' << offset << ' ' << alignment;
        }
      }
    }
  }
}

TEST(Masking, CopiesInPiecesAsInOne) {
  const std::vector<std::byte> plain = numbered(100);
  std::vector<std::byte> whole(plain.size());
  apply_mask(plain, whole.data(), key, 0);
  std::vector<std::byte> pieces(plain.size());
  for (std::size_t at = 0, size = 1; at < plain.size(); at += size, size = size % 13 + 1) {
    const auto piece = std::span(plain).subspan(at, std::min(size, plain.size() - at));
    apply_mask(piece, pieces.data() + at, key, at);
  }
  EXPECT_EQ(pieces, whole);
}

}  // namespace
}  // namespace c1m::protocol
