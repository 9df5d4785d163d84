// Histograms on the wire: the public HdrHistogram V2 encoding, plain, zlib-compressed, and as
// base64 text. The text is what result documents hold as `hdr_v2_b64`; HdrHistogram for Java, C,
// Python and others read it.
//
// Invariants: decode(encode(h)) == h as long as h.count() <= decoded_count_max; a decoder given
// hostile bytes returns a sentence, and needs at most 4 MiB beyond its input. Threads: pure
// functions. Not here: V0 and V1, and histograms with other than 3 digits, another unit than 1, a
// conversion ratio or a shifted index: they cannot be held without loss, so that they are refused.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measure/histogram.hpp"

namespace c1m::measure {

// The most values that a decoded histogram may hold: exact in a double, and far enough from 2^63
// that a thousand decoded histograms, however hostile, can be merged.
inline constexpr std::uint64_t decoded_count_max = std::uint64_t{1} << 53;

// V2, uncompressed. Big-endian header of 40 bytes: cookie 0x1c849313, payload length, normalizing
// index offset (0), significant digits (4 bytes each), lowest discernible and highest trackable
// value (8 each), conversion ratio (a double, 1.0). Then the payload, the counters from index 0 to
// that of the largest value: each a ZigZag LEB128 number of at most 9 bytes, a run of n zeros as
// -n.
[[nodiscard]] std::vector<std::uint8_t> encode_v2(const Histogram& histogram);

// V2, compressed: cookie 0x1c849314, length (4 bytes each), then encode_v2() through zlib.
[[nodiscard]] std::vector<std::uint8_t> encode_v2_compressed(const Histogram& histogram);

// encode_v2_compressed() as base64 (RFC 4648, section 4, padded).
[[nodiscard]] std::string encode_v2_base64(const Histogram& histogram);

// The inverses. The error is a sentence for a person that says what is wrong with the bytes.
[[nodiscard]] std::expected<Histogram, std::string> decode_v2(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::expected<Histogram, std::string> decode_v2_compressed(
    std::span<const std::uint8_t> bytes);
[[nodiscard]] std::expected<Histogram, std::string> decode_v2_base64(std::string_view text);

}  // namespace c1m::measure
