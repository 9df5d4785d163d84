// libFuzzer target: no bytes make a decoder crash, and what one accepts encodes to the same
// histogram, whose figures are in order. The first byte chooses the decoder, so that each is
// reached without the others.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "measure/histogram_codec.hpp"
#include "measure/histogram_log.hpp"

namespace c1m::measure {
namespace {

// A good header in front of `payload`, for the fuzzer to spend its time on the counters.
std::vector<std::uint8_t> with_header(std::span<const std::uint8_t> payload) {
  std::vector<std::uint8_t> bytes = encode_v2(Histogram());
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[4 + i] = static_cast<std::uint8_t>(payload.size() >> (24 - 8 * i));
  }
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

std::expected<Histogram, std::string> decode(std::uint8_t decoder,
                                             std::span<const std::uint8_t> bytes) {
  switch (decoder % 4) {
    case 0:
      return decode_v2(with_header(bytes));
    case 1:
      return decode_v2(bytes);
    case 2:
      return decode_v2_compressed(bytes);
    default:
      return decode_v2_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

void check(const Histogram& histogram) {
  C1M_ASSERT(decode_v2(encode_v2(histogram)) == histogram, "plain encoding keeps the histogram");
  C1M_ASSERT(decode_v2_base64(encode_v2_base64(histogram)) == histogram,
             "text keeps the histogram");
  C1M_ASSERT(histogram.min() <= histogram.value_at_percentile(50),
             "the median is not below the minimum");
  C1M_ASSERT(histogram.value_at_percentile(100) == histogram.max(),
             "the last percentile is the maximum");
  C1M_ASSERT(!percentile_table(histogram, 1).empty(), "a percentile table has a header");
  Histogram doubled = histogram;
  doubled.merge(histogram);
  C1M_ASSERT(doubled.count() == 2 * histogram.count(), "merging adds the counts");
}

}  // namespace
}  // namespace c1m::measure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto histogram = c1m::measure::decode(data[0], {data + 1, size - 1});
  if (histogram) c1m::measure::check(*histogram);
  return 0;
}
