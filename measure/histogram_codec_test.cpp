// The V2 codec: streams that other implementations wrote, round trips of random data, and hostile
// bytes. Both directions against the published Python package are in histogram_oracle_test.py.
#include "measure/histogram_codec.hpp"

#include <zlib.h>

#include <bit>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/histogram_samples.hpp"

namespace c1m::measure {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

constexpr std::int64_t int64_max = std::numeric_limits<std::int64_t>::max();

// An uncompressed stream, written apart from the codec: each field can be made wrong.
struct Stream {
  std::uint32_t cookie = 0x1c849313;
  std::uint32_t index_offset = 0;
  std::uint32_t digits = 3;
  std::uint64_t lowest = 1;
  std::uint64_t highest = 3'600'000'000;
  double ratio = 1;
  Bytes payload = {0x09, 0x02, 0x04};  // five zeros, value 5 once, value 6 twice
  std::uint32_t payload_bytes_added = 0;

  [[nodiscard]] Bytes bytes() const {
    Bytes result;
    append(result, cookie, 4);
    append(result, payload.size() + payload_bytes_added, 4);
    append(result, index_offset, 4);
    append(result, digits, 4);
    append(result, lowest, 8);
    append(result, highest, 8);
    append(result, std::bit_cast<std::uint64_t>(ratio), 8);
    result.insert(result.end(), payload.begin(), payload.end());
    return result;
  }

  static void append(Bytes& to, std::uint64_t value, int length) {
    for (int i = length - 1; i >= 0; --i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
};

Bytes compressed(const Bytes& plain, std::uint32_t cookie = 0x1c849314,
                 std::uint32_t bytes_added = 0) {
  Bytes stream(::compressBound(plain.size()));
  uLongf size = stream.size();
  EXPECT_EQ(::compress(stream.data(), &size, plain.data(), plain.size()), Z_OK);
  Bytes result;
  Stream::append(result, cookie, 4);
  Stream::append(result, size + bytes_added, 4);
  result.insert(result.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
  return result;
}

std::string error_of(const std::expected<Histogram, std::string>& result) {
  return result ? "no error" : result.error();
}

TEST(HistogramCodec, ReadsWhatOtherImplementationsWrote) {
  // From the interoperability tests of the C, Java and Python implementations.
  Histogram loaded;
  loaded.record(1000, 10'000);
  loaded.record(100'000'000);
  EXPECT_EQ(
      decode_v2_base64("HISTFAAAACl4nJNpmSzMwMBgyAABzFCaEURcm7yEwf4DROA8/4I5jNM7mJgAlWkH9g=="),
      loaded);
  Histogram boundary;
  boundary.record(2048);
  EXPECT_EQ(decode_v2_base64("HISTFAAAACB4nJNpmSzMwMDAzAABMJoRQnEw2H+AsP7LMwEARZgDpQ=="), boundary);
  Histogram three;
  for (const int value : {100, 200, 250}) three.record(value);
  EXPECT_EQ(decode_v2_base64("HISTFAAAACV4nJNpmSzMwMDAwQABzFCaEUrp2H+AsI4zMh1lZEpkAgBdIQSk"),
            three);
}

TEST(HistogramCodec, WritesTheBytesOfThePublishedFormat) {
  Histogram histogram;
  for (const auto& [value, count] :
       {std::pair{0, 2}, {1, 1}, {7, 1}, {2047, 3}, {2048, 1}, {5000, 200}, {1'000'000, 70'000}}) {
    histogram.record(value, static_cast<std::uint64_t>(count));
  }
  const Stream expected{.highest = (std::uint64_t{1} << 42) - 1,
                        .payload = {0x04, 0x02, 0x09, 0x02, 0xed, 0x1f, 0x06, 0x02, 0xc1, 0x13,
                                    0x90, 0x03, 0xfb, 0x7a, 0xe0, 0xc5, 0x08}};
  EXPECT_EQ(encode_v2(histogram), expected.bytes());
}

TEST(HistogramCodec, LargestCountTakesNineBytes) {
  Histogram histogram;
  histogram.record(5, std::uint64_t{1} << 62);
  Stream expected{.highest = (std::uint64_t{1} << 42) - 1, .payload = Bytes(9, 0x80)};
  expected.payload.insert(expected.payload.begin(), 0x09);
  EXPECT_EQ(encode_v2(histogram), expected.bytes());
}

TEST(HistogramCodec, EmptyHistogramIsAHeader) {
  const Bytes bytes = encode_v2(Histogram());
  EXPECT_EQ(bytes.size(), 40U);
  EXPECT_EQ(decode_v2(bytes), Histogram());
  EXPECT_EQ(decode_v2_base64(encode_v2_base64(Histogram())), Histogram());
}

TEST(HistogramCodec, RandomHistogramsComeBackTheSame) {
  const Seed seed;
  for (const Distribution& distribution : distributions()) {
    for (const std::size_t count : {1U, 2U, 3U, 100U, 30'000U}) {
      SCOPED_TRACE(std::string(distribution.name) + ", replay with " + seed.replay());
      Histogram histogram;
      for (const std::int64_t value : draw_values(distribution, count, seed))
        histogram.record(value);
      ASSERT_EQ(decode_v2(encode_v2(histogram)), histogram);
      ASSERT_EQ(decode_v2_compressed(encode_v2_compressed(histogram)), histogram);
      ASSERT_EQ(decode_v2_base64(encode_v2_base64(histogram)), histogram);
    }
  }
}

TEST(HistogramCodec, CountsOfEveryLengthComeBackTheSame) {
  for (int bits = 0; bits < 53; ++bits) {
    for (const std::uint64_t count : {std::uint64_t{1} << bits, (std::uint64_t{2} << bits) - 1}) {
      Histogram histogram;
      histogram.record(12'345, count);
      ASSERT_EQ(decode_v2(encode_v2(histogram)), histogram) << count;
    }
  }
}

TEST(HistogramCodec, LargestValueComesBackTheSame) {
  Histogram histogram;
  histogram.record(int64_max);
  const auto decoded = decode_v2_base64(encode_v2_base64(histogram));
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(*decoded, histogram);
  EXPECT_EQ(decoded->max(), int64_max);
}

TEST(HistogramCodec, AcceptsOtherSpellingsOfTheSame) {
  Histogram expected;
  expected.record(5);
  expected.record(6, 2);
  EXPECT_EQ(decode_v2(Stream{}.bytes()), expected);
  EXPECT_EQ(decode_v2(Stream{.cookie = 0x1c849303}.bytes()), expected) << "word size 0";
  EXPECT_EQ(decode_v2(Stream{.payload = {0, 0, 0, 0, 0, 2, 4}}.bytes()), expected) << "no runs";
  EXPECT_EQ(decode_v2(Stream{.payload = {0x89, 0x00, 0x02, 0x04}}.bytes()), expected)
      << "long number";
  EXPECT_EQ(decode_v2(Stream{.payload = {0x09, 0x02, 0x04, 0x07}}.bytes()), expected)
      << "zeros at the end";
  EXPECT_EQ(decode_v2(Stream{.payload_bytes_added = 40}.bytes()), expected) << "header counted in";
  EXPECT_EQ(decode_v2(Stream{.highest = 2}.bytes()), expected)
      << "the smallest range has 2048 counters";
}

TEST(HistogramCodec, WrongHeadersAndCountersAreRefused) {
  const Bytes count_above_max = {0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20};  // 2^53 + 1
  const Bytes ninth_byte_only(9, 0x80);  // 2^62: the ninth byte has 8 bits
  const Bytes nine_bytes(9, 0xff);       // -2^63: a run of 2^63 zeros
  const Bytes negative_max = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};  // 2^63 - 1
  struct Case {
    Stream stream;
    const char* error;
  };
  for (const auto& [stream, error] : {
           Case{{.cookie = 0}, "cookie 0x00000000 instead of 0x1c849313"},
           Case{{.cookie = 0x1c849314}, "cookie 0x1c849314 instead of 0x1c849313"},
           Case{{.cookie = 0x1c849301}, "cookie 0x1c849301"},
           Case{{.index_offset = 7}, "index offset 7"},
           Case{{.ratio = 0.001}, "conversion ratio 0.001"},
           Case{{.ratio = std::numeric_limits<double>::quiet_NaN()}, "conversion ratio nan"},
           Case{{.digits = 2}, "2 significant digits"},
           Case{{.digits = 0xffffffff}, "4294967295 significant digits"},
           Case{{.lowest = 1000}, "lowest value 1000"},
           Case{{.lowest = 0}, "lowest value 0"},
           Case{{.highest = 1}, "highest value 1 is out of range"},
           Case{{.highest = std::uint64_t{1} << 63},
                "highest value 9223372036854775808 is out of range"},
           Case{{.payload_bytes_added = 1}, "payload has 3 bytes, its header says 4"},
           Case{{.payload_bytes_added = 0xffffffff}, "payload has 3 bytes, its header says 2"},
           Case{{.payload = {0x09, 0x82}}, "ends within a counter"},
           Case{{.payload = {0x80}}, "ends within a counter"},
           Case{{.payload = nine_bytes}, "more counters than the 23552 of its range"},
           Case{{.payload = ninth_byte_only}, "more than 9007199254740992 values"},
           Case{{.payload = negative_max}, "more than 9007199254740992 values"},
           Case{{.payload = count_above_max}, "more than 9007199254740992 values"},
           Case{{.highest = 2, .payload = {0xff, 0x1f, 0x02}}, "more counters than the 2048"},
           Case{{.highest = 2, .payload = {0x81, 0x20}}, "more counters than the 2048"},
       }) {
    EXPECT_THAT(error_of(decode_v2(stream.bytes())), HasSubstr(error));
    EXPECT_THAT(error_of(decode_v2_compressed(compressed(stream.bytes()))), HasSubstr(error));
  }
}

TEST(HistogramCodec, SumOfCountsIsLimited) {
  const Bytes half = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10};  // 2^52
  Stream stream{.payload = half};
  stream.payload.insert(stream.payload.end(), half.begin(), half.end());
  const auto full = decode_v2(stream.bytes());
  ASSERT_TRUE(full) << full.error();
  EXPECT_EQ(full->count(), decoded_count_max);
  stream.payload.push_back(2);
  EXPECT_THAT(error_of(decode_v2(stream.bytes())), HasSubstr("counts more than"));
}

TEST(HistogramCodec, EveryPrefixIsRefused) {
  Histogram histogram;
  for (const int value : {0, 1, 2047, 3'000, 5'000'000}) histogram.record(value, 300);
  const Bytes plain = encode_v2(histogram);
  for (std::size_t length = 0; length < plain.size(); ++length) {
    EXPECT_THAT(error_of(decode_v2(std::span(plain).first(length))),
                HasSubstr(length < 40 ? "header alone has 40" : "header says"))
        << length;
  }
  const Bytes packed = encode_v2_compressed(histogram);
  for (std::size_t length = 0; length < packed.size(); ++length) {
    EXPECT_THAT(error_of(decode_v2_compressed(std::span(packed).first(length))),
                HasSubstr(length < 8 ? "header alone has 8" : "header says"))
        << length;
  }
  const std::string text = encode_v2_base64(histogram);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(decode_v2_base64(text.substr(0, length))) << length;
  }
}

TEST(HistogramCodec, WrongCompressionIsRefused) {
  const Bytes plain = Stream{}.bytes();
  const Bytes good = compressed(plain);
  ASSERT_TRUE(decode_v2_compressed(good));

  EXPECT_THAT(error_of(decode_v2_compressed(compressed(plain, 0x1c849313))),
              HasSubstr("cookie 0x1c849313"));
  EXPECT_THAT(error_of(decode_v2_compressed(compressed(plain, 0x1c849314, 1))),
              HasSubstr("header says"));
  EXPECT_THAT(error_of(decode_v2_compressed(compressed(plain, 0x1c849314, 0xffff'ff00))),
              HasSubstr("header says"));

  Bytes damaged = good;
  damaged[8] ^= 0xff;
  EXPECT_THAT(error_of(decode_v2_compressed(damaged)), HasSubstr("no zlib stream"));
  damaged = good;
  damaged.back() ^= 1;
  EXPECT_THAT(error_of(decode_v2_compressed(damaged)), HasSubstr("no zlib stream")) << "checksum";

  Bytes cut(good.begin(), good.end() - 4);
  cut[7] = static_cast<std::uint8_t>(cut[7] - 4);
  EXPECT_THAT(error_of(decode_v2_compressed(cut)), HasSubstr("cut off"));

  Bytes followed = good;
  followed.push_back(0);
  followed[7] = static_cast<std::uint8_t>(followed[7] + 1);
  EXPECT_THAT(error_of(decode_v2_compressed(followed)), HasSubstr("1 bytes follow"));
}

TEST(HistogramCodec, MemoryIsBounded) {
  const Bytes zeros(std::size_t{64} << 20);
  EXPECT_THAT(error_of(decode_v2_compressed(compressed(zeros))),
              HasSubstr("inflates to more than"));
  EXPECT_THAT(error_of(decode_v2_compressed(Bytes(2 << 20))), HasSubstr("more than 1048576"));
  EXPECT_THAT(error_of(decode_v2_base64(std::string(4 << 20, 'A'))),
              HasSubstr("more than 1398104"));
}

TEST(HistogramCodec, WrongBase64IsRefused) {
  Histogram histogram;
  for (int value = 0; value < 3;
       ++value) {  // streams of three lengths: with 0, 1 and 2 '=' at the end
    histogram.record(1 << (4 * value));
    const std::string text = encode_v2_base64(histogram);
    ASSERT_EQ(decode_v2_base64(text), histogram);
    for (const std::string& wrong :
         {text + "A", text + "=", text + "====", "=" + text.substr(1), text + "\n", " " + text,
          text.substr(0, 8) + "-" + text.substr(9), text.substr(0, 8) + "\xff" + text.substr(9)}) {
      EXPECT_THAT(error_of(decode_v2_base64(wrong)), HasSubstr("not base64")) << wrong;
    }
  }
  EXPECT_THAT(error_of(decode_v2_base64("")), HasSubstr("0 bytes"));
  // "QQ==" is the letter A; "QR==" has a bit where there is none to encode.
  EXPECT_THAT(error_of(decode_v2_base64("QQ==")), HasSubstr("1 bytes, its header"));
  EXPECT_THAT(error_of(decode_v2_base64("QR==")), HasSubstr("not base64"));
}

TEST(HistogramCodec, DamagedBytesGiveAnErrorOrAHistogramThatEncodes) {
  Histogram histogram;
  for (const int value : {0, 1, 2047, 3'000, 5'000'000}) histogram.record(value, 300);
  const Bytes plain = encode_v2(histogram);
  for (std::size_t at = 0; at < plain.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = plain;
      damaged[at] ^= static_cast<std::uint8_t>(1 << bit);
      const auto decoded = decode_v2(damaged);
      if (decoded) {
        EXPECT_EQ(decode_v2(encode_v2(*decoded)), *decoded) << "bit " << bit << " of byte " << at;
      }
    }
  }
}

}  // namespace
}  // namespace c1m::measure
