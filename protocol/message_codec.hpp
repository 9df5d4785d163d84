// Compressing and decompressing messages as permessage-deflate wants it (RFC 7692, section 7.2), a
// message at a time and without context takeover: so one codec, with its windows of 300 KiB, serves
// all connections of a worker in turn, and a connection holds none. Threads: a codec is one
// thread's at a time; a CodecShelf is anybody's. Not here: negotiation (deflate_terms.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "protocol/block.hpp"
#include "protocol/close_code.hpp"

namespace c1m::protocol {

// Bytes in a block, behind room for a frame header.
struct BlockMessage {
  Block storage;
  std::span<std::byte> payload;
};

// The most that a compressed payload may take whose message has up to `message_bytes`: without any
// gain a byte is 9 bits long (RFC 1951, section 3.2.6), and blocks have beginnings and ends. A
// message at its limit must get through however little it compresses.
[[nodiscard]] constexpr std::size_t compressed_bytes_max(std::size_t message_bytes) {
  constexpr std::size_t of_blocks = 64;
  return message_bytes + message_bytes / 8 + of_blocks;
}

class MessageCodec {
 public:
  MessageCodec();
  MessageCodec(const MessageCodec&) = delete;
  MessageCodec& operator=(const MessageCodec&) = delete;
  ~MessageCodec();

  // The payload of a compressed message. Cannot fail.
  [[nodiscard]] BlockMessage deflate(std::span<const std::byte> message, std::uint8_t window_bits);

  // The message of a compressed payload. 1009 as soon as it turns out longer than `bytes_max`, 1007
  // when it is not DEFLATE data to its end.
  [[nodiscard]] std::expected<BlockMessage, Failure> inflate(std::span<const std::byte> payload,
                                                             std::size_t bytes_max);

 private:
  struct Streams;
  std::unique_ptr<Streams> streams_;
};

// A place for one idle codec, made when it is first wanted.
class CodecShelf {
 public:
  CodecShelf() = default;
  CodecShelf(const CodecShelf&) = delete;
  CodecShelf& operator=(const CodecShelf&) = delete;
  ~CodecShelf();

  [[nodiscard]] std::unique_ptr<MessageCodec> take();
  void give_back(std::unique_ptr<MessageCodec> codec);

 private:
  std::atomic<MessageCodec*> spare_ = nullptr;
};

}  // namespace c1m::protocol
