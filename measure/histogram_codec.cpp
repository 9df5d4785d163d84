// The V2 encoding of histogram_codec.hpp, written from the format's published description.
#include "measure/histogram_codec.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>

#include <fmt/format.h>

namespace c1m::measure {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using Decoded = std::expected<Histogram, std::string>;

// The second lowest hexadecimal digit was the size of a counter in V1; V2 writers put 1 there and
// readers, this one too, leave it out of the comparison.
constexpr std::uint32_t plain_cookie = 0x1c849303;
constexpr std::uint32_t compressed_cookie = 0x1c849304;
constexpr std::uint32_t cookie_word_size = 0x10;
constexpr std::uint32_t cookie_word_size_mask = 0xf0;

constexpr std::size_t plain_header_bytes = 40;
constexpr std::size_t compressed_header_bytes = 8;
constexpr std::size_t counter_bytes_max = 9;
// No histogram is longer than this, plain; compressed ones may be padded, but not past any use.
constexpr std::size_t plain_bytes_max =
    plain_header_bytes + Histogram::counter_count_max * counter_bytes_max;
constexpr std::size_t compressed_bytes_max = std::size_t{1} << 20;
constexpr std::size_t base64_bytes_max = (compressed_bytes_max + 2) / 3 * 4;

template <class Unsigned>
void append_big_endian(Bytes& bytes, Unsigned value) {
  for (int shift = std::numeric_limits<Unsigned>::digits - 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

// Takes sizeof(Unsigned) bytes from the front of `bytes`; the caller has checked that they are
// there.
template <class Unsigned>
Unsigned take_big_endian(ByteView& bytes) {
  Unsigned value = 0;
  for (const std::uint8_t byte : bytes.first(sizeof(Unsigned))) {
    value = static_cast<Unsigned>(value << 8 | byte);
  }
  bytes = bytes.subspan(sizeof(Unsigned));
  return value;
}

// LEB128 of a ZigZag number, in the variant of the format: a ninth byte holds 8 bits and ends the
// number.
void append_leb128(Bytes& bytes, std::uint64_t value) {
  for (std::size_t length = 1; length < counter_bytes_max && value >= 0x80; ++length) {
    bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// Nothing when the bytes end within the number.
std::optional<std::uint64_t> take_leb128(ByteView& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < counter_bytes_max; ++i) {
    const bool last = i + 1 == counter_bytes_max || bytes[i] < 0x80;
    const std::uint64_t bits = i + 1 == counter_bytes_max ? bytes[i] : bytes[i] & 0x7f;
    value |= bits << (7 * i);
    if (last) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

// ZigZag maps 0, -1, 1, -2, 2 to 0, 1, 2, 3, 4: odd numbers are runs of zeros, even ones counts.
constexpr std::uint64_t zigzag_of_count(std::uint64_t count) {
  return count << 1;
}
constexpr std::uint64_t zigzag_of_zeros(std::uint64_t zeros) {
  return (zeros << 1) - 1;
}

Bytes encode_counters(const Histogram& histogram) {
  Bytes payload;
  std::size_t next_index = 0;
  histogram.for_each_recorded([&](const RecordedBucket& bucket) {
    const std::size_t index = Histogram::index_of(bucket.values.lowest);
    if (index > next_index) append_leb128(payload, zigzag_of_zeros(index - next_index));
    append_leb128(payload, zigzag_of_count(bucket.count));
    next_index = index + 1;
  });
  return payload;
}

// `counter_count`: how many counters the header's range has.
Decoded decode_counters(ByteView payload, std::size_t counter_count) {
  Histogram histogram;
  std::size_t index = 0;
  while (!payload.empty()) {
    const std::optional<std::uint64_t> zigzag = take_leb128(payload);
    if (!zigzag) return std::unexpected("the histogram ends within a counter");
    const bool zeros = (*zigzag & 1) != 0;
    const std::uint64_t number = (*zigzag >> 1) + (zeros ? 1 : 0);
    const std::uint64_t length = zeros ? number : 1;
    if (length > counter_count - index) {
      return std::unexpected(
          fmt::format("the histogram has more counters than the {} of its range", counter_count));
    }
    if (!zeros && number != 0) {
      if (number > decoded_count_max - histogram.count()) {
        return std::unexpected(
            fmt::format("the histogram counts more than {} values", decoded_count_max));
      }
      histogram.record(Histogram::range_of(index).lowest, number);
    }
    index += static_cast<std::size_t>(length);
  }
  return histogram;
}

Bytes deflate_bytes(const Bytes& plain) {
  uLongf size = ::compressBound(plain.size());
  Bytes compressed(size);
  const int status = ::compress(compressed.data(), &size, plain.data(), plain.size());
  C1M_ASSERT(status == Z_OK, "zlib compresses into a buffer of compressBound() bytes");
  compressed.resize(size);
  return compressed;
}

// Inflates a whole zlib stream; stops at the first byte beyond plain_bytes_max.
std::expected<Bytes, std::string> inflate_bytes(ByteView compressed) {
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) return std::unexpected("zlib has no memory to inflate with");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, &::inflateEnd);
  stream.next_in = const_cast<Bytef*>(compressed.data());  // zlib only reads from it
  stream.avail_in = static_cast<uInt>(compressed.size());
  Bytes plain;
  int status = Z_OK;
  while (status == Z_OK && plain.size() <= plain_bytes_max) {
    constexpr std::size_t step_bytes = std::size_t{16} * 1024;
    const std::size_t filled = plain.size();
    plain.resize(std::min(filled + step_bytes, plain_bytes_max + 1));
    stream.next_out = plain.data() + filled;
    stream.avail_out = static_cast<uInt>(plain.size() - filled);
    status = ::inflate(&stream, Z_NO_FLUSH);
    plain.resize(plain.size() - stream.avail_out);
  }
  if (plain.size() > plain_bytes_max) {
    return std::unexpected(
        fmt::format("the histogram inflates to more than {} bytes", plain_bytes_max));
  }
  if (status == Z_BUF_ERROR) return std::unexpected("the compressed histogram is cut off");
  if (status != Z_STREAM_END) return std::unexpected("the compressed histogram is no zlib stream");
  if (stream.avail_in != 0) {
    return std::unexpected(
        fmt::format("{} bytes follow the compressed histogram", stream.avail_in));
  }
  return plain;
}

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t base64_invalid = 64;

constexpr std::array<std::uint8_t, 256> base64_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(base64_invalid);
  for (std::size_t i = 0; i < base64_digits.size(); ++i) {
    values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

std::string to_base64(const Bytes& bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t group_bytes = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < group_bytes ? bytes[i + k] : 0U);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text.push_back(digit <= group_bytes ? base64_digits[group >> (18 - 6 * digit) & 63] : '=');
    }
  }
  return text;
}

// Nothing unless `text` is exactly what to_base64() gives for some bytes.
std::optional<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  text.remove_suffix(padding);
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const char digit : text) {
    const std::uint8_t value = base64_values[static_cast<unsigned char>(digit)];
    if (value == base64_invalid) return std::nullopt;
    bits = (bits << 6 | value) & 0xffff;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> bit_count));
    }
  }
  // The padding's share of the last digit is zero in the one encoding that RFC 4648 allows.
  if ((bits & ((1U << bit_count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::unexpected<std::string> wrong_cookie(std::uint32_t cookie, std::uint32_t expected) {
  return std::unexpected(
      fmt::format("not a histogram in V2 encoding: cookie {:#010x} instead of {:#010x}", cookie,
                  expected | cookie_word_size));
}

}  // namespace

std::vector<std::uint8_t> encode_v2(const Histogram& histogram) {
  const Bytes payload = encode_counters(histogram);
  Bytes bytes;
  bytes.reserve(plain_header_bytes + payload.size());
  append_big_endian<std::uint32_t>(bytes, plain_cookie | cookie_word_size);
  append_big_endian(bytes, static_cast<std::uint32_t>(payload.size()));
  append_big_endian<std::uint32_t>(bytes, 0);  // normalizing index offset
  append_big_endian<std::uint32_t>(bytes, Histogram::significant_digits);
  append_big_endian<std::uint64_t>(bytes, Histogram::lowest_discernible_value);
  append_big_endian(bytes, static_cast<std::uint64_t>(histogram.highest_trackable_value()));
  append_big_endian(bytes, std::bit_cast<std::uint64_t>(1.0));  // conversion ratio
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

std::vector<std::uint8_t> encode_v2_compressed(const Histogram& histogram) {
  const Bytes compressed = deflate_bytes(encode_v2(histogram));
  Bytes bytes;
  bytes.reserve(compressed_header_bytes + compressed.size());
  append_big_endian<std::uint32_t>(bytes, compressed_cookie | cookie_word_size);
  append_big_endian(bytes, static_cast<std::uint32_t>(compressed.size()));
  bytes.insert(bytes.end(), compressed.begin(), compressed.end());
  return bytes;
}

std::string encode_v2_base64(const Histogram& histogram) {
  return to_base64(encode_v2_compressed(histogram));
}

std::expected<Histogram, std::string> decode_v2(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < plain_header_bytes) {
    return std::unexpected(fmt::format("the histogram has {} bytes, its header alone has {}",
                                       bytes.size(), plain_header_bytes));
  }
  const auto cookie = take_big_endian<std::uint32_t>(bytes);
  if ((cookie & ~cookie_word_size_mask) != plain_cookie) return wrong_cookie(cookie, plain_cookie);
  const auto payload_bytes = take_big_endian<std::uint32_t>(bytes);
  const auto index_offset = take_big_endian<std::uint32_t>(bytes);
  const auto digits = take_big_endian<std::uint32_t>(bytes);
  const auto lowest = take_big_endian<std::uint64_t>(bytes);
  const auto highest = take_big_endian<std::uint64_t>(bytes);
  const auto ratio = std::bit_cast<double>(take_big_endian<std::uint64_t>(bytes));
  // Older releases of the C implementation counted the header in.
  if (payload_bytes != bytes.size() && payload_bytes != bytes.size() + plain_header_bytes) {
    return std::unexpected(fmt::format("the histogram's payload has {} bytes, its header says {}",
                                       bytes.size(), payload_bytes));
  }
  if (index_offset != 0 || ratio != 1.0) {
    return std::unexpected(fmt::format(
        "the histogram has index offset {} and conversion ratio {}; only 0 and 1 are supported",
        index_offset, ratio));
  }
  if (digits != Histogram::significant_digits || lowest != Histogram::lowest_discernible_value) {
    return std::unexpected(fmt::format(
        "the histogram has {} significant digits and lowest value {}; only {} and {} are supported",
        digits, lowest, Histogram::significant_digits, Histogram::lowest_discernible_value));
  }
  if (highest < 2 || highest > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::unexpected(
        fmt::format("the histogram's highest value {} is out of range", highest));
  }
  const std::size_t last_index = Histogram::index_of(static_cast<std::int64_t>(highest));
  const std::size_t half = Histogram::sub_bucket_half_count;
  const std::size_t counter_count =
      std::max(Histogram::sub_bucket_count, (last_index / half + 1) * half);
  return decode_counters(bytes, counter_count);
}

std::expected<Histogram, std::string> decode_v2_compressed(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < compressed_header_bytes) {
    return std::unexpected(
        fmt::format("the compressed histogram has {} bytes, its header alone has {}", bytes.size(),
                    compressed_header_bytes));
  }
  if (bytes.size() > compressed_bytes_max) {
    return std::unexpected(fmt::format("the compressed histogram has {} bytes, more than {}",
                                       bytes.size(), compressed_bytes_max));
  }
  const auto cookie = take_big_endian<std::uint32_t>(bytes);
  if ((cookie & ~cookie_word_size_mask) != compressed_cookie) {
    return wrong_cookie(cookie, compressed_cookie);
  }
  const auto length = take_big_endian<std::uint32_t>(bytes);
  if (length != bytes.size()) {
    return std::unexpected(fmt::format("the compressed histogram has {} bytes, its header says {}",
                                       bytes.size(), length));
  }
  const std::expected<Bytes, std::string> plain = inflate_bytes(bytes);
  if (!plain) return std::unexpected(plain.error());
  return decode_v2(*plain);
}

std::expected<Histogram, std::string> decode_v2_base64(std::string_view text) {
  if (text.size() > base64_bytes_max) {
    return std::unexpected(fmt::format("the histogram's text has {} characters, more than {}",
                                       text.size(), base64_bytes_max));
  }
  const std::optional<Bytes> bytes = from_base64(text);
  if (!bytes) return std::unexpected("the histogram's text is not base64");
  return decode_v2_compressed(*bytes);
}

}  // namespace c1m::measure
