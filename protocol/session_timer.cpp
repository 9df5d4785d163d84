// Stages and their ends; see session_timer.hpp.
#include "protocol/session_timer.hpp"

namespace c1m::protocol {

void SessionTimer::begin(const TimeLimits& limits, Milliseconds now) {
  stage_ = Stage::handshake;
  next_ms_ = now + limits.handshake_ms;
}

void SessionTimer::open(const TimeLimits& limits, Milliseconds now) {
  stage_ = limits.ping_interval_ms > 0 ? Stage::before_ping : Stage::without_pings;
  next_ms_ = now + limits.ping_interval_ms;
  message_ms_ = now;
}

void SessionTimer::begin_close(const TimeLimits& limits, Milliseconds now) {
  stage_ = Stage::closing;
  next_ms_ = now + limits.close_ms;
}

SessionTimer::Due SessionTimer::expire(const TimeLimits& limits, Milliseconds now) {
  if (is_open() && limits.idle_ms > 0 && has_come(message_ms_ + limits.idle_ms, now))
    return Due::idleness;
  if (stage_ == Stage::without_pings || !has_come(next_ms_, now)) return Due::nothing;
  switch (stage_) {
    case Stage::before_ping:
      stage_ = Stage::after_ping;
      is_heard_ = false;
      next_ms_ = now + limits.pong_ms;
      return Due::ping;
    case Stage::after_ping:
      misses_ = is_heard_ ? 0 : static_cast<std::uint8_t>(misses_ + 1);
      if (misses_ >= misses_max) return Due::silence;
      // Counted from the last ping, not from the end of the wait for its answer.
      stage_ = Stage::before_ping;
      next_ms_ += limits.ping_interval_ms - limits.pong_ms;
      return Due::nothing;
    default:
      return Due::end;
  }
}

std::optional<Milliseconds> SessionTimer::deadline(const TimeLimits& limits) const {
  std::optional<Milliseconds> deadline;
  if (stage_ != Stage::without_pings) deadline = next_ms_;
  if (is_open() && limits.idle_ms > 0) {
    const Milliseconds idle_ms = message_ms_ + limits.idle_ms;
    if (!deadline || has_come(idle_ms, *deadline)) deadline = idle_ms;
  }
  return deadline;
}

}  // namespace c1m::protocol
