// Compression there and back, its limits, and that one codec carries nothing from one message to
// the next.
#include "protocol/message_codec.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/websocket_samples.hpp"

namespace c1m::protocol {
namespace {

using samples::Bytes;

TEST(MessageCodec, GivesBackWhatWasCompressed) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  MessageCodec codec;
  for (const std::size_t size : {0UZ, 1UZ, 5UZ, 1'000UZ, 100'000UZ}) {
    for (const unsigned symbols : {1U, 4U, 256U}) {
      for (const std::uint8_t bits : {std::uint8_t{9}, std::uint8_t{15}}) {
        Bytes message(size);
        for (std::byte& byte : message) byte = static_cast<std::byte>(random() % symbols);
        const BlockMessage compressed = codec.deflate(message, bits);
        const auto back = codec.inflate(compressed.payload, size);
        ASSERT_TRUE(back) << back.error().why;
        EXPECT_EQ(Bytes(back->payload.begin(), back->payload.end()), message);
        if (size == 0) continue;
        const auto too_big = codec.inflate(compressed.payload, size - 1);
        ASSERT_FALSE(too_big);
        EXPECT_EQ(too_big.error().code, CloseCode::too_big);
      }
    }
  }
}

// Where it finds nothing it stores, which takes a few bytes more.
TEST(MessageCodec, KeepsWithinItsBoundWhereNothingCompresses) {
  std::mt19937 random(1);
  MessageCodec codec;
  for (const std::size_t size : {1UZ, 64UZ, 65'536UZ, 1'000'000UZ}) {
    Bytes message(size);
    for (std::byte& byte : message) byte = static_cast<std::byte>(random());
    const std::size_t compressed = codec.deflate(message, 15).payload.size();
    EXPECT_GT(compressed, size);
    EXPECT_LE(compressed, compressed_bytes_max(size));
  }
}

TEST(MessageCodec, CompressesEachMessageAsIfItWereTheFirst) {
  MessageCodec codec;
  const Bytes hello = samples::to_bytes("Hello");
  for (int i = 0; i < 3; ++i) {
    const BlockMessage compressed = codec.deflate(hello, 15);
    EXPECT_EQ(samples::to_hex(compressed.payload), "f248cdc9c90700") << "RFC 7692, 7.2.3.1";
  }
}

TEST(MessageCodec, IsGoodAgainAfterCorruptData) {
  MessageCodec codec;
  EXPECT_FALSE(codec.inflate(samples::from_hex("ffffffff"), 100));
  EXPECT_FALSE(codec.inflate(samples::from_hex("f248cd"), 100));
  const auto good = codec.inflate(samples::from_hex("f248cdc9c90700"), 100);
  ASSERT_TRUE(good);
  EXPECT_EQ(samples::to_text(good->payload), "Hello");
}

// A bomb is stopped at the limit, in a block that is no larger.
TEST(MessageCodec, TakesNoMoreMemoryThanTheLimit) {
  MessageCodec codec;
  const BlockMessage compressed = codec.deflate(Bytes(10'000'000, std::byte{'x'}), 15);
  EXPECT_LT(compressed.payload.size(), 20'000U);
  EXPECT_FALSE(codec.inflate(compressed.payload, 10'000));
  const auto exact = codec.inflate(compressed.payload, 10'000'000);
  ASSERT_TRUE(exact);
  EXPECT_LE(exact->storage.capacity(), 10'000'000U + 15U);
}

TEST(CodecShelf, LendsTheSameCodecAgain) {
  CodecShelf shelf;
  auto codec = shelf.take();
  const MessageCodec* address = codec.get();
  auto other = shelf.take();
  EXPECT_NE(other.get(), address);
  shelf.give_back(std::move(codec));
  EXPECT_EQ(shelf.take().get(), address);
}

}  // namespace
}  // namespace c1m::protocol
