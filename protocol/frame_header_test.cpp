// Headers written and read back, and the edges of the three forms of a length. What is refused
// stands in the conformance tables.
#include "protocol/frame_header.hpp"

#include <array>
#include <bit>

#include <gtest/gtest.h>

namespace c1m::protocol {
namespace {

using Outcome = HeaderReading::Outcome;

constexpr MaskKey key{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};

TEST(FrameHeader, ComesBackAsItWasWritten) {
  for (const std::uint64_t length :
       {0ULL, 1ULL, 125ULL, 126ULL, 65'535ULL, 65'536ULL, (1ULL << 63) - 1}) {
    for (const bool is_masked : {false, true}) {
      for (const bool is_final : {false, true}) {
        const FrameHeader header{.is_final = is_final,
                                 .is_compressed = length == 1,
                                 .opcode = Opcode::text,
                                 .is_masked = is_masked,
                                 .key = is_masked ? key : MaskKey{},
                                 .payload_bytes = length};
        std::array<std::byte, frame_header_bytes_max> bytes{};
        const std::size_t size = write_frame_header(header, bytes.data());
        EXPECT_EQ(size, frame_header_bytes(length, is_masked));
        const Role role = is_masked ? Role::server : Role::client;
        const HeaderReading reading = read_frame_header(bytes, role, true);
        ASSERT_EQ(reading.outcome, Outcome::complete) << length;
        EXPECT_EQ(reading.bytes, size);
        EXPECT_EQ(reading.header.payload_bytes, length);
        EXPECT_EQ(reading.header.is_final, is_final);
        EXPECT_EQ(reading.header.is_compressed, length == 1);
        EXPECT_EQ(reading.header.key, header.key);
        for (std::size_t cut = 0; cut < size; ++cut) {
          const auto part = std::span(bytes).first(cut);
          EXPECT_EQ(read_frame_header(part, role, true).outcome, Outcome::incomplete);
        }
      }
    }
  }
}

TEST(FrameHeader, IsRefusedAtTheFirstByteThatIsWrong) {
  const auto outcome = [](std::initializer_list<int> bytes, Role role) {
    std::vector<std::byte> header;
    for (const int byte : bytes) header.push_back(static_cast<std::byte>(byte));
    return read_frame_header(header, role, false).outcome;
  };
  EXPECT_EQ(outcome({0x83}, Role::server), Outcome::wrong) << "a reserved opcode";
  EXPECT_EQ(outcome({0x82, 0x01}, Role::server), Outcome::wrong) << "no mask";
  EXPECT_EQ(outcome({0x82, 0x81}, Role::client), Outcome::wrong) << "a server's mask";
  EXPECT_EQ(outcome({0x82, 0xfe, 0x00, 0x7d}, Role::server), Outcome::wrong) << "a long form";
  EXPECT_EQ(outcome({0x82, 0xfe, 0x00, 0x7e}, Role::server), Outcome::incomplete);
}

}  // namespace
}  // namespace c1m::protocol
