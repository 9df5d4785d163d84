// When a WebSocket session has waited long enough, for what: the handshake, the next ping, its
// answer, a message, the end. A state machine that is told the time. Invariants: at most 12 bytes;
// a time is never due twice. Threads: a session's. Not here: a clock, and what is sent when
// something is due (websocket_session.hpp).
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/session.hpp"

namespace c1m::protocol {

// In ms. Zero switches pings, or the limit on idleness, off.
struct TimeLimits {
  Milliseconds handshake_ms = 10'000;  // from accept to the end of the request's head
  Milliseconds ping_interval_ms = 30'000;
  Milliseconds pong_ms = 5'000;   // at most ping_interval_ms
  Milliseconds idle_ms = 0;       // without a message from the peer
  Milliseconds close_ms = 5'000;  // from our Close, or refusal, to the peer's end of stream
};

class SessionTimer {
 public:
  enum class Due : std::uint8_t {
    nothing,
    ping,
    silence,   // two pings in a row were not answered in time
    idleness,  // no message for too long
    end,       // the handshake or the close has taken too long
  };
  static constexpr std::uint8_t misses_max = 2;

  void begin(const TimeLimits& limits, Milliseconds now);
  void open(const TimeLimits& limits, Milliseconds now);
  // Bytes have come: a peer that sends is alive, and may be in the middle of a message, where a
  // pong has no place.
  void hear() { is_heard_ = true; }
  void take_message(Milliseconds now) { message_ms_ = now; }
  void begin_close(const TimeLimits& limits, Milliseconds now);

  [[nodiscard]] Due expire(const TimeLimits& limits, Milliseconds now);
  [[nodiscard]] std::optional<Milliseconds> deadline(const TimeLimits& limits) const;

 private:
  enum class Stage : std::uint8_t {
    handshake,
    before_ping,
    after_ping,
    without_pings,
    closing,
  };
  [[nodiscard]] bool is_open() const {
    return stage_ != Stage::handshake && stage_ != Stage::closing;
  }

  Milliseconds next_ms_ = 0;  // when the stage is over
  Milliseconds message_ms_ = 0;
  Stage stage_ = Stage::handshake;
  std::uint8_t misses_ = 0;
  bool is_heard_ = false;  // since the last ping
};
static_assert(sizeof(SessionTimer) <= 12);

}  // namespace c1m::protocol
