// The validator against a plain decoder, for every short sequence and for random ones in pieces.
#include "protocol/utf8.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/utf8_samples.hpp"

namespace c1m::protocol {
namespace {

using Bytes = std::vector<std::byte>;

TEST(Utf8, AgreesWithADecoderOnAllSequencesOfThreeBytes) {
  std::array<std::byte, 3> bytes{};
  for (unsigned number = 0; number < 1U << 24; ++number) {
    // Most of them have an ASCII byte in front, which says nothing new.
    if (number >> 16 >= 0x01 && number >> 16 < 0x7f) continue;
    for (std::size_t i = 0; i < 3; ++i) bytes[i] = static_cast<std::byte>(number >> (16 - 8 * i));
    ASSERT_EQ(is_utf8(bytes), samples::decodes_as_utf8(bytes)) << std::hex << number;
  }
}

TEST(Utf8, AgreesWithADecoderOnFourBytesAtTheEdges) {
  constexpr std::array<unsigned, 14> edges{0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                           0xbf, 0xc0, 0xed, 0xf0, 0xf4, 0xf5, 0xff};
  for (unsigned lead = 0xe0; lead < 0x100; ++lead) {
    for (const unsigned second : edges) {
      for (const unsigned third : edges) {
        for (const unsigned fourth : edges) {
          const std::array bytes{std::byte(lead), std::byte(second), std::byte(third),
                                 std::byte(fourth)};
          ASSERT_EQ(is_utf8(bytes), samples::decodes_as_utf8(bytes))
              << std::hex << lead << ' ' << second << ' ' << third << ' ' << fourth;
        }
      }
    }
  }
}

TEST(Utf8, SaysTheSameInPieces) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2'000; ++round) {
    const Bytes text = samples::random_text(random, 40);
    Utf8Validator validator;
    std::span<const std::byte> rest = text;
    bool is_good = true;
    while (!rest.empty() && is_good) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 9);
      is_good = validator.accept(rest.first(size));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(is_good && validator.is_complete(), samples::decodes_as_utf8(text));
  }
}

TEST(Utf8, RefusesAtTheFirstByteThatCannotBe) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.accept(std::array{std::byte{0xf4}}));
  EXPECT_FALSE(validator.is_complete());
  EXPECT_FALSE(validator.accept(std::array{std::byte{0x90}})) << "U+110000 begins so";
}

}  // namespace
}  // namespace c1m::protocol
