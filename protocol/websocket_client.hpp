// A client's end of a WebSocket connection: the handshake, then messages and control frames as they
// arrive, and masked frames to send. Invariants: idle and established it takes at most 64 bytes and
// holds no memory elsewhere; the server's bytes are judged as strictly as a client's are by the
// server. Threads: one at a time. Not here: I/O, time and randomness: nonces and mask keys are
// passed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/message_reader.hpp"
#include "protocol/upgrade_answer.hpp"

namespace c1m::protocol {

// What all connections of a client have in common.
struct ClientSettings {
  UpgradeWish wish;
  std::size_t message_bytes_max = 16 * 1024 * 1024;
  std::uint32_t fragments_max = 65'537;
};

struct ClientEvent {
  enum class Kind : std::uint8_t {
    opened,    // the server has agreed
    refused,   // it has not; `why` says how
    incoming,  // a message, control frame or failure
  };
  Kind kind = Kind::incoming;
  Incoming incoming;
  std::string why;
};

class WebSocketClient {
 public:
  WebSocketClient();
  WebSocketClient(WebSocketClient&&) noexcept;
  WebSocketClient& operator=(WebSocketClient&&) noexcept;
  ~WebSocketClient();

  // Takes bytes off the front of `input` until something has happened; nothing when all are taken.
  // `nonce` is that of the request, and used until the server has answered. After `refused`, a
  // close or a failure the rest of the stream is ignored.
  [[nodiscard]] std::optional<ClientEvent> next(std::span<std::byte>& input,
                                                const ClientSettings& settings,
                                                std::span<const std::byte, nonce_bytes> nonce,
                                                CodecShelf& codecs);

  [[nodiscard]] bool is_open() const { return phase_ == Phase::open; }
  // Whether messages may be compressed.
  [[nodiscard]] bool has_deflate() const { return has_deflate_; }
  [[nodiscard]] bool holds_memory() const { return head_ || !reader_.is_between_messages(); }

 private:
  enum class Phase : std::uint8_t { handshake, open, over };
  struct Head;

  std::optional<ClientEvent> take_head(std::span<std::byte>& input, const ClientSettings& settings,
                                       std::span<const std::byte, nonce_bytes> nonce);
  ClientEvent refuse(std::string why);

  MessageReader reader_;
  std::unique_ptr<Head> head_;  // of an answer that is still arriving
  Phase phase_ = Phase::handshake;
  bool has_deflate_ = false;
};
static_assert(sizeof(WebSocketClient) <= 64);

// Appends a frame with a payload to `to`. A client's has is_masked and a fresh random key (RFC
// 6455, section 5.3); the length is the payload's.
void append_frame(FrameHeader header, std::span<const std::byte> payload,
                  std::vector<std::byte>& to);

// Appends a Close; none_given makes an empty one. The reason is cut to what a frame holds.
void append_close(CloseCode code, std::string_view reason, const MaskKey& key,
                  std::vector<std::byte>& to);

}  // namespace c1m::protocol
