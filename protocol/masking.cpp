// XOR in steps of 32 bytes, which compilers turn into vector instructions; see masking.hpp. Loads
// and stores go through memcpy, so no address has to be aligned.
#include "protocol/masking.hpp"

#include <cstdint>
#include <cstring>

namespace c1m::protocol {
namespace {

constexpr std::size_t step_words = 4;
constexpr std::size_t step_bytes = step_words * sizeof(std::uint64_t);

}  // namespace

void apply_mask(std::span<const std::byte> from, std::byte* to, const MaskKey& key,
                std::size_t offset) {
  // Every step is a multiple of the key's length, so the key begins at the same byte in each.
  std::array<std::byte, sizeof(std::uint64_t)> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t pattern = 0;
  std::memcpy(&pattern, turned.data(), sizeof pattern);

  std::size_t done = 0;
  for (; from.size() - done >= step_bytes; done += step_bytes) {
    std::array<std::uint64_t, step_words> words{};
    std::memcpy(words.data(), from.data() + done, step_bytes);
    for (std::uint64_t& word : words) word ^= pattern;
    std::memcpy(to + done, words.data(), step_bytes);
  }
  for (; from.size() - done >= sizeof pattern; done += sizeof pattern) {
    std::uint64_t word = 0;
    std::memcpy(&word, from.data() + done, sizeof word);
    word ^= pattern;
    std::memcpy(to + done, &word, sizeof word);
  }
  for (std::size_t i = 0; done < from.size(); ++done, ++i) to[done] = from[done] ^ turned[i];
}

}  // namespace c1m::protocol
