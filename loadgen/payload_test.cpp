// Payloads are reproducible, differ between requests, and look random.
#include "loadgen/payload.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace c1m::loadgen {
namespace {

std::vector<std::byte> bytes_of(const Payload& payload, std::uint32_t connection,
                                std::uint32_t sequence) {
  const auto message = payload.message(connection, sequence);
  return {message.begin(), message.end()};
}

TEST(Payload, IsTheSameForTheSameSeed) {
  const Payload one(64, 9);
  const Payload same(64, 9);
  const Payload other(64, 10);
  EXPECT_EQ(bytes_of(one, 5, 6), bytes_of(same, 5, 6));
  EXPECT_NE(bytes_of(one, 5, 6), bytes_of(other, 5, 6));
}

TEST(Payload, DiffersBetweenRequestsAndConnections) {
  const Payload payload(64, 1);
  std::set<std::vector<std::byte>> seen;
  for (std::uint32_t connection = 0; connection < 10; ++connection) {
    for (std::uint32_t sequence = 0; sequence < 10; ++sequence) {
      seen.insert(bytes_of(payload, connection, sequence));
    }
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(Payload, DrawsEverySizeOfItsRange) {
  const Payload payload({.bytes_min = 3, .bytes_max = 6}, 1);
  std::array<int, 7> counts{};
  for (std::uint32_t sequence = 0; sequence < 4'000; ++sequence) {
    ++counts.at(payload.message(7, sequence).size());
  }
  for (const std::size_t size : {3U, 4U, 5U, 6U}) EXPECT_NEAR(counts.at(size), 1'000, 150) << size;
  EXPECT_EQ(payload.message_bytes(), 6U);
}

TEST(Payload, TextIsPrintableAscii) {
  const Payload payload({.bytes_min = 64, .bytes_max = 64, .content = PayloadContent::printable},
                        1);
  std::set<std::byte> seen;
  for (std::uint32_t sequence = 0; sequence < 200; ++sequence) {
    for (const std::byte byte : payload.message(7, sequence)) seen.insert(byte);
  }
  EXPECT_EQ(seen.size(), 64U);
  EXPECT_GE(*seen.begin(), std::byte{' '});
  EXPECT_LE(*seen.rbegin(), std::byte{'~'});
}

// What deflate finds: words that come again, of which some are frequent.
TEST(Payload, WordsFollowZipfsLaw) {
  constexpr std::size_t size = 1 << 20;
  const Payload payload({.bytes_min = size, .bytes_max = size, .content = PayloadContent::words},
                        1);
  const auto message = payload.message(0, 0);
  std::map<std::string, int> counts;
  std::string word;
  int words = 0;
  for (const std::byte byte : message) {
    const char letter = static_cast<char>(byte);
    if (letter != ' ') {
      ASSERT_TRUE(letter >= 'a' && letter <= 'z');
      word += letter;
      continue;
    }
    ++words;
    ++counts[std::exchange(word, {})];
  }
  std::vector<int> frequencies;
  frequencies.reserve(counts.size());
  for (const auto& [text, count] : counts) frequencies.push_back(count);
  std::ranges::sort(frequencies, std::greater{});
  EXPECT_GT(frequencies.size(), 1'900U);
  EXPECT_LE(frequencies.size(), 2'001U) << "the first may be half a word";
  // The k-th of 2,000 has the share 1 / (k H(2000)), and H(2000) = 8.18.
  EXPECT_NEAR(static_cast<double>(frequencies[0]) / words, 1 / 8.18, 0.01);
  EXPECT_NEAR(static_cast<double>(frequencies[9]) / words, 0.1 / 8.18, 0.002);
}

TEST(Payload, HasItsSizeAtEveryOffset) {
  const Payload payload(100'000, 1);
  for (std::uint32_t sequence = 0; sequence < 1'000; ++sequence) {
    ASSERT_EQ(payload.message(0, sequence).size(), 100'000U);
  }
}

TEST(Payload, UsesEveryByteValueEqually) {
  const Payload payload(256 * 1'000, 1);
  std::array<int, 256> counts{};
  for (const std::byte byte : payload.message(0, 0))
    ++counts.at(std::to_integer<std::size_t>(byte));
  const auto [least, most] = std::ranges::minmax(counts);
  // Mean 1000, deviation 32: six deviations.
  EXPECT_GT(least, 800);
  EXPECT_LT(most, 1'200);
}

}  // namespace
}  // namespace c1m::loadgen
