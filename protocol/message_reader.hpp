// A stream of WebSocket frames as messages and control frames (RFC 6455, sections 5.4 and 5.5):
// fragments are joined, control frames between them come out at once, text is checked as it
// arrives, limits hold before memory is taken. For both ends. Invariants: what comes out does not
// depend on how the stream is cut; between two messages the reader is one empty pointer, and a
// message in parts takes memory by what has arrived of it, whatever length it announces. Threads:
// one at a time. Not here: answers (websocket_session.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "protocol/block.hpp"
#include "protocol/close_code.hpp"
#include "protocol/frame_header.hpp"
#include "protocol/message_codec.hpp"

namespace c1m::protocol {

// What a reader goes by, the same on every call.
struct ReaderRules {
  Role role = Role::server;
  // In all its fragments, and after decompression; compressed, a little more.
  std::size_t message_bytes_max = 0;
  std::uint32_t fragments_max = 0;  // of a message; frames without payload count
  // Where to decompress, when that was agreed on; otherwise RSV1 is a protocol error.
  CodecShelf* codecs = nullptr;
};

// What has arrived. Payloads are not masked any more, and lie in the input or in `storage`.
struct Incoming {
  enum class Kind : std::uint8_t { text, binary, ping, pong, close, failure };
  Kind kind = Kind::failure;
  bool was_compressed = false;
  std::size_t compressed_bytes = 0;        // that its payload took, when it was compressed
  std::span<std::byte> payload;            // of a close: the reason
  Block storage;                           // has room for a frame's header in front of the payload
  CloseCode code = CloseCode::none_given;  // close: the peer's; failure: to close with
  const char* why = "";                    // failure: in words
};

class MessageReader {
 public:
  MessageReader();
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;
  ~MessageReader();

  // Takes bytes off the front of `input` until something is complete; nothing when all are taken
  // and nothing is. Unmasks in place. After a failure or a close the stream is not read any more.
  [[nodiscard]] std::optional<Incoming> next(std::span<std::byte>& input, const ReaderRules& rules);

  // Whether a message or frame has begun and is not complete.
  [[nodiscard]] bool is_between_messages() const { return partial_ == nullptr; }

 private:
  struct Partial;

  std::optional<Incoming> take_whole_frame(std::span<std::byte>& input, const ReaderRules& rules);
  std::optional<Incoming> take_parts(std::span<std::byte>& input, const ReaderRules& rules);
  Incoming fail(Failure failure);
  std::optional<Incoming> finish_frame(const ReaderRules& rules);

  std::unique_ptr<Partial> partial_;
};

}  // namespace c1m::protocol
