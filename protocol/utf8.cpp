// UTF-8 by the ranges of RFC 3629, section 4; see utf8.hpp. ASCII, which is most text, is passed
// over eight bytes at a time.
#include "protocol/utf8.hpp"

#include <cstring>

namespace c1m::protocol {
namespace {

constexpr std::uint8_t continuation_min = 0x80;
constexpr std::uint8_t continuation_max = 0xbf;

const std::byte* skip_ascii(const std::byte* at, const std::byte* end) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  while (static_cast<std::size_t>(end - at) >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if ((word & high_bits) != 0) break;
    at += sizeof word;
  }
  return at;
}

}  // namespace

bool Utf8Validator::accept(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  while (at != end) {
    if (pending_ == 0) {
      at = skip_ascii(at, end);
      if (at == end) break;
      if (!begin_character(std::to_integer<std::uint8_t>(*at++))) return false;
      continue;
    }
    const auto byte = std::to_integer<std::uint8_t>(*at++);
    if (byte < low_ || byte > high_) return false;
    low_ = continuation_min;
    high_ = continuation_max;
    --pending_;
  }
  return true;
}

bool Utf8Validator::begin_character(std::uint8_t lead) {
  low_ = continuation_min;
  high_ = continuation_max;
  if (lead < 0x80) return true;
  if (lead < 0xc2 || lead > 0xf4) return false;  // a continuation, an overlong form, too large
  if (lead < 0xe0) {
    pending_ = 1;
  } else if (lead < 0xf0) {
    pending_ = 2;
    if (lead == 0xe0) low_ = 0xa0;   // below: two bytes would do
    if (lead == 0xed) high_ = 0x9f;  // above: surrogates
  } else {
    pending_ = 3;
    if (lead == 0xf0) low_ = 0x90;   // below: three bytes would do
    if (lead == 0xf4) high_ = 0x8f;  // above: U+110000 and more
  }
  return true;
}

}  // namespace c1m::protocol
