// libFuzzer target: frames for either end. A reader never crashes, and says the same whether the
// stream comes whole, byte by byte, or in pieces of some other size; its limits hold. The first two
// bytes choose the end, compression, the limits and the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/assert.hpp"
#include "protocol/message_reader.hpp"
#include "protocol/utf8_samples.hpp"

namespace c1m::protocol {
namespace {

struct Said {
  Incoming::Kind kind;
  bool was_compressed;
  std::size_t compressed_bytes;
  CloseCode code;
  std::string why;
  std::vector<std::byte> payload;
  bool operator==(const Said&) const = default;
};

bool is_last(Incoming::Kind kind) {
  return kind == Incoming::Kind::close || kind == Incoming::Kind::failure;
}

void check(const Said& said, const ReaderRules& rules) {
  C1M_ASSERT(said.payload.size() <= std::max<std::size_t>(rules.message_bytes_max, 125),
             "no message is above the limit");
  C1M_ASSERT(said.kind != Incoming::Kind::text || samples::decodes_as_utf8(said.payload),
             "text is UTF-8");
  C1M_ASSERT(!said.was_compressed || rules.codecs != nullptr, "compressed only when agreed on");
}

std::vector<Said> read_in_pieces(std::span<const std::uint8_t> stream, std::size_t piece_bytes,
                                 const ReaderRules& rules) {
  MessageReader reader;
  std::vector<Said> said;
  for (; !stream.empty(); stream = stream.subspan(std::min(piece_bytes, stream.size()))) {
    const auto piece = std::as_bytes(stream.first(std::min(piece_bytes, stream.size())));
    std::vector<std::byte> copy(piece.begin(), piece.end());
    std::span<std::byte> input = copy;
    while (auto incoming = reader.next(input, rules)) {
      said.push_back({incoming->kind,
                      incoming->was_compressed,
                      incoming->compressed_bytes,
                      incoming->code,
                      incoming->why,
                      {incoming->payload.begin(), incoming->payload.end()}});
      check(said.back(), rules);
      if (is_last(incoming->kind)) return said;
    }
    C1M_ASSERT(input.empty(), "all of the input is taken");
  }
  return said;
}

}  // namespace
}  // namespace c1m::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace c1m::protocol;
  if (size < 2) return 0;
  static CodecShelf codecs;
  const ReaderRules rules{.role = data[0] % 2 == 0 ? Role::server : Role::client,
                          .message_bytes_max = data[0] % 8 < 4 ? 100'000U : 64U,
                          .fragments_max = data[0] % 16 < 8 ? 1'000U : 3U,
                          .codecs = data[0] % 4 < 2 ? &codecs : nullptr};
  const std::span stream(data + 2, size - 2);
  const auto whole = read_in_pieces(stream, size, rules);
  C1M_ASSERT(read_in_pieces(stream, 1, rules) == whole, "byte by byte is as whole");
  C1M_ASSERT(read_in_pieces(stream, 2U + data[1], rules) == whole, "in pieces is as whole");
  return 0;
}
