// Frames composed in any pieces are one stream, which a server reads as the message.
#include "loadgen/frame_composer.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/message_reader.hpp"

namespace c1m::loadgen {
namespace {

using protocol::Incoming;
using protocol::Opcode;

constexpr std::uint64_t secret = 7;
constexpr std::uint64_t name = 0x100000002;

std::vector<std::byte> message_of(std::size_t size) {
  std::vector<std::byte> message(size);
  for (std::size_t at = 0; at < size; ++at) message[at] = static_cast<std::byte>('0' + at % 64);
  return message;
}

// The stream in pieces of at most `piece_bytes`.
std::vector<std::byte> compose(const FrameComposer& composer, std::span<const std::byte> payload,
                               std::size_t piece_bytes, bool is_compressed = false) {
  const FramedMessage message{.payload = payload, .name = name, .is_compressed = is_compressed};
  std::vector<std::byte> stream;
  std::vector<std::byte> piece(piece_bytes);
  while (const std::size_t size = composer.compose(message, stream.size(), piece)) {
    stream.insert(stream.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return stream;
}

struct Case {
  std::size_t message_bytes;
  std::size_t fragment_bytes;
};

class FrameComposerCases : public testing::TestWithParam<Case> {};

TEST_P(FrameComposerCases, AreReadAsTheMessageHoweverTheyAreCut) {
  const auto [message_bytes, fragment_bytes] = GetParam();
  const auto message = message_of(message_bytes);
  const FrameComposer composer(Opcode::text, fragment_bytes, secret);
  std::vector<std::byte> stream = compose(composer, message, 1 << 20);
  EXPECT_EQ(stream.size(), composer.stream_bytes(message.size()));
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 4'096U}) {
    EXPECT_EQ(compose(composer, message, piece), stream) << "pieces of " << piece;
  }
  protocol::MessageReader reader;
  std::span<std::byte> input = stream;
  const auto incoming = reader.next(
      input, {.role = protocol::Role::server, .message_bytes_max = 1 << 20, .fragments_max = 1000});
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming->kind, Incoming::Kind::text) << incoming->why;
  EXPECT_TRUE(std::ranges::equal(incoming->payload, message));
  EXPECT_TRUE(input.empty());
}

INSTANTIATE_TEST_SUITE_P(All, FrameComposerCases,
                         testing::Values(Case{1, 0}, Case{125, 0}, Case{126, 0}, Case{65'535, 0},
                                         Case{65'536, 0}, Case{1, 1}, Case{9, 1}, Case{64, 64},
                                         Case{64, 65}, Case{65, 64}, Case{300, 7},
                                         Case{70'000, 65'536}, Case{1'000, 126}));

TEST(FrameComposer, HasAnotherKeyForEachFrameMessageAndSecret) {
  std::set<protocol::MaskKey> keys;
  for (std::uint64_t run = 0; run < 4; ++run) {
    const FrameComposer composer(Opcode::binary, 0, run);
    for (std::uint64_t message = 0; message < 4; ++message) {
      for (std::uint64_t frame = 0; frame < 4; ++frame) keys.insert(composer.key(message, frame));
    }
  }
  EXPECT_EQ(keys.size(), 64U);
}

TEST(FrameComposer, CutsIntoFramesOfTheGivenSize) {
  const FrameComposer composer(Opcode::binary, 10, secret);
  const auto stream = compose(composer, message_of(25), 1'000, /*is_compressed=*/true);
  std::vector<std::uint64_t> sizes;
  std::vector<bool> finals;
  std::vector<bool> compressed;
  for (std::size_t at = 0; at < stream.size();) {
    const auto reading =
        protocol::read_frame_header(std::span(stream).subspan(at), protocol::Role::server, true);
    ASSERT_EQ(reading.outcome, protocol::HeaderReading::Outcome::complete);
    EXPECT_EQ(reading.header.opcode, at == 0 ? Opcode::binary : Opcode::continuation);
    sizes.push_back(reading.header.payload_bytes);
    finals.push_back(reading.header.is_final);
    compressed.push_back(reading.header.is_compressed);
    at += reading.bytes + reading.header.payload_bytes;
  }
  EXPECT_EQ(sizes, (std::vector<std::uint64_t>{10, 10, 5}));
  EXPECT_EQ(finals, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(compressed, (std::vector<bool>{true, false, false})) << "RSV1 is the first frame's";
}

}  // namespace
}  // namespace c1m::loadgen
