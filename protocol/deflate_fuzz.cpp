// libFuzzer target: no bytes make the decompressor crash, pass its limit, or remember them; and
// what is compressed comes back. The first byte chooses the direction and the window.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "os/assert.hpp"
#include "protocol/message_codec.hpp"

namespace c1m::protocol {
namespace {

void check_rubbish(MessageCodec& codec, std::span<const std::byte> payload) {
  constexpr std::size_t bytes_max = 10'000;
  const auto first = codec.inflate(payload, bytes_max);
  const auto again = codec.inflate(payload, bytes_max);
  C1M_ASSERT(first.has_value() == again.has_value(), "one message says nothing to the next");
  if (!first) {
    C1M_ASSERT(first.error().code == again.error().code, "nor does a bad one");
    return;
  }
  C1M_ASSERT(first->payload.size() <= bytes_max, "the limit holds");
  C1M_ASSERT(std::ranges::equal(first->payload, again->payload), "the same bytes come out");
}

void check_round_trip(MessageCodec& codec, std::span<const std::byte> message,
                      std::uint8_t window_bits) {
  const BlockMessage compressed = codec.deflate(message, window_bits);
  const auto back = codec.inflate(compressed.payload, message.size());
  C1M_ASSERT(back.has_value(), "our own data is good");
  C1M_ASSERT(std::ranges::equal(back->payload, message), "and comes back");
}

}  // namespace
}  // namespace c1m::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static c1m::protocol::MessageCodec codec;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  c1m::protocol::check_rubbish(codec, bytes);
  const auto window_bits = static_cast<std::uint8_t>(9 + data[0] % 7);
  c1m::protocol::check_round_trip(codec, bytes, window_bits);
  return 0;
}
