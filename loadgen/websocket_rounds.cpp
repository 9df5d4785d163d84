// Turns over all connections; see websocket_rounds.hpp.
#include "loadgen/websocket_rounds.hpp"

#include "os/assert.hpp"

namespace c1m::loadgen {

PingRound::PingRound(WebSocketExchange& exchange, os::Nanoseconds interval_ns,
                     os::Nanoseconds start_ns, os::Nanoseconds end_ns)
    : exchange_(exchange), interval_ns_(interval_ns), start_ns_(start_ns), end_ns_(end_ns) {
  C1M_ASSERT(interval_ns > 0, "pings have a distance");
  find_next_due();
}

void PingRound::find_next_due() {
  const std::uint32_t count = exchange_.connection_count();
  const auto turn = static_cast<os::Nanoseconds>(sent_ / count);
  // By the connection's share of a turn, so that nothing adds up to a drift.
  const auto share = static_cast<os::Nanoseconds>(static_cast<double>(interval_ns_) *
                                                  static_cast<double>(sent_ % count) / count);
  const os::Nanoseconds due_ns = start_ns_ + turn * interval_ns_ + share;
  next_due_ns_ = due_ns < end_ns_ ? due_ns : never_ns;
}

void PingRound::send_due(os::Nanoseconds now_ns) {
  for (int burst = 0; burst < burst_max && next_due_ns_ <= now_ns; ++burst) {
    exchange_.ping(static_cast<std::uint32_t>(sent_++ % exchange_.connection_count()),
                   next_due_ns_);
    find_next_due();
  }
}

bool CloseRound::goes_on(os::Nanoseconds now_ns, os::Nanoseconds patience_ns) {
  const std::uint32_t count = exchange_.connection_count();
  while (begun_ < count && exchange_.closing() < under_way_max) exchange_.begin_closing(begun_++);
  const std::uint64_t answered = exchange_.result().closes_answered;
  if (answered != answered_) progress_ns_ = now_ns;
  answered_ = answered;
  const bool is_finished = begun_ == count && exchange_.closing() == 0;
  return !is_finished && now_ns < deadline_ns(patience_ns);
}

}  // namespace c1m::loadgen
