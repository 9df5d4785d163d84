// Slices and their times; see session_sweep.hpp.
#include "servers/app/session_sweep.hpp"

#include <algorithm>

namespace c1m::servers::app {
namespace {

os::Nanoseconds period_of(const protocol::TimeLimits& limits) {
  constexpr os::Nanoseconds shortest_ns = 5 * os::ns_per_ms;
  constexpr protocol::Milliseconds parts = 8;
  protocol::Milliseconds least_ms =
      std::min({limits.handshake_ms, limits.pong_ms, limits.close_ms});
  for (const protocol::Milliseconds limit_ms : {limits.ping_interval_ms, limits.idle_ms}) {
    if (limit_ms > 0) least_ms = std::min(least_ms, limit_ms);
  }
  return std::clamp(least_ms / parts * os::ns_per_ms, shortest_ns, os::ns_per_s);
}

}  // namespace

SessionSweep::SessionSweep(const protocol::TimeLimits& limits) : period_ns_(period_of(limits)) {}

SessionSweep::Slice SessionSweep::due(std::size_t size, os::Nanoseconds now_ns) {
  if (now_ns < next_ns_) return {};
  if (position_ >= size) position_ = 0;
  const Slice slice{.begin = position_, .end = std::min(size, position_ + slice_max)};
  position_ = slice.end;
  // Each slice gets its share of the period.
  const std::size_t seen = slice.end - slice.begin;
  next_ns_ = now_ns + (size == 0 ? period_ns_
                                 : period_ns_ * static_cast<os::Nanoseconds>(seen) /
                                       static_cast<os::Nanoseconds>(size));
  return slice;
}

os::Nanoseconds SessionSweep::wait_ns(os::Nanoseconds now_ns) const {
  return std::max<os::Nanoseconds>(0, next_ns_ - now_ns);
}

}  // namespace c1m::servers::app
