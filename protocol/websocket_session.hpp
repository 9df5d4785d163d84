// A WebSocket server's session that echoes messages: handshake, messages, pings, close, all that
// RFC 6455 wants of a server, for every backend alike. Invariants: idle and established it takes at
// most 64 bytes and holds no memory elsewhere; a message is echoed when it is complete and valid,
// as one frame of its kind, compressed if it came so; nothing is sent after a Close. Threads: see
// session.hpp. Not here: I/O, time, TLS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/message_reader.hpp"
#include "protocol/reply_writer.hpp"
#include "protocol/session.hpp"
#include "protocol/session_timer.hpp"
#include "protocol/websocket_service.hpp"

namespace c1m::protocol {

class WebSocketSession {
 public:
  using Service = WebSocketService;
  static constexpr bool keeps_time = true;

  WebSocketSession();
  WebSocketSession(WebSocketSession&&) noexcept;
  WebSocketSession& operator=(WebSocketSession&&) noexcept;
  ~WebSocketSession();

  void begin(Service& service, Milliseconds now);
  [[nodiscard]] Reply receive(Service& service, std::span<std::byte> input, Milliseconds now);
  [[nodiscard]] Reply expire(Service& service, Milliseconds now);
  [[nodiscard]] std::optional<Milliseconds> deadline(const Service& service) const {
    return timer_.deadline(service.settings.times);
  }
  [[nodiscard]] Reply stop(Service& service, Milliseconds now);
  void end(Service& service);

  // Whether it holds memory besides itself: for part of a head, frame or message.
  [[nodiscard]] bool holds_memory() const { return head_ || !reader_.is_between_messages(); }

 private:
  enum class Phase : std::uint8_t {
    handshake,
    open,
    closing,  // our last word is said; what comes is ignored
  };
  struct Head;  // of a request that is still arriving

  [[nodiscard]] ReaderRules reader_rules(Service& service) const;
  // Takes the head off the front of `rest`; false when it is not complete yet.
  bool shake_hands(Service& service, std::span<std::byte>& rest, ReplyWriter& writer,
                   Milliseconds now);
  void answer_request(Service& service, const UpgradeVerdict& verdict, ReplyWriter& writer,
                      Milliseconds now);
  void answer(Service& service, Incoming incoming, ReplyWriter& writer, Milliseconds now);
  void echo(Service& service, Incoming incoming, ReplyWriter& writer);
  // Adds a Close frame, the last that is sent. `code` none_given: without payload.
  void add_close(Service& service, CloseCode code, std::string_view reason, ReplyWriter& writer,
                 Milliseconds now);
  Reply close_now(Service& service, CloseCode code, std::string_view reason, Milliseconds now);
  void count_close(Service& service, CloseCode code);

  MessageReader reader_;
  std::unique_ptr<Head> head_;
  SessionTimer timer_;
  Phase phase_ = Phase::handshake;
  After after_ = After::keep_open;
  bool was_answered_ = false;      // the handshake, with whatever status
  bool is_counted_open_ = false;   // until its close is counted
  std::uint8_t deflate_bits_ = 0;  // window of our compressor; 0: no compression
};
static_assert(Session<WebSocketSession>);
// Of the budget for a connection at rest; see docs/methodology.md, memory.
static_assert(sizeof(WebSocketSession) <= 64);

}  // namespace c1m::protocol
