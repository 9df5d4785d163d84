// Filling the block; see payload.hpp.
#include "loadgen/payload.hpp"

#include <algorithm>
#include <string>

#include "loadgen/connection_choice.hpp"
#include "os/assert.hpp"

namespace c1m::loadgen {
namespace {

std::byte random_byte(Xoshiro256& random) {
  return static_cast<std::byte>(random.next() >> 56);
}

// Words and the space behind each, until `block` is full.
void fill_with_words(std::span<std::byte> block, Xoshiro256& random) {
  constexpr std::uint32_t word_count = 2'000;
  constexpr std::uint32_t letters_min = 2;
  constexpr std::uint32_t letters_max = 9;
  constexpr std::uint32_t alphabet = 26;
  constexpr double exponent = 1;  // Zipf's own
  std::vector<std::string> words(word_count);
  for (std::string& word : words) {
    word.resize(letters_min + random.next_below(letters_max - letters_min + 1));
    for (char& letter : word) letter = static_cast<char>('a' + random.next_below(alphabet));
    word += ' ';
  }
  const ZipfRank rank(word_count, exponent);
  while (!block.empty()) {
    const auto word = std::as_bytes(std::span(words[rank.draw(random) - 1]));
    const std::size_t size = std::min(word.size(), block.size());
    std::ranges::copy(word.first(size), block.begin());
    block = block.subspan(size);
  }
}

}  // namespace

Payload::Payload(PayloadForm form, std::uint64_t seed)
    : form_(form), seed_(mix64(seed)), block_(offset_count + form.bytes_max) {
  C1M_ASSERT(form.bytes_min > 0 && form.bytes_min <= form.bytes_max, "a message has bytes");
  Xoshiro256 random(seed);
  switch (form.content) {
    case PayloadContent::bytes:
      for (std::byte& byte : block_) byte = random_byte(random);
      return;
    case PayloadContent::printable:
      for (std::byte& byte : block_) {
        const auto number = std::to_integer<unsigned>(random_byte(random));
        byte = static_cast<std::byte>(number % 64 + '0');
      }
      return;
    case PayloadContent::words:
      fill_with_words(block_, random);
      return;
  }
}

}  // namespace c1m::loadgen
