// The three kinds of traffic; see traffic.hpp.
#include "loadgen/traffic.hpp"

#include <algorithm>
#include <utility>

namespace c1m::loadgen {

OpenLoop::OpenLoop(EchoExchange& exchange, ShardPlan plan, ConnectionRange range,
                   os::Nanoseconds start_ns)
    : exchange_(exchange), plan_(std::move(plan)), range_(range), start_ns_(start_ns) {
  find_next_due();
}

void OpenLoop::find_next_due() {
  const auto& arrival = plan_.peek();
  next_due_ns_ = arrival ? start_ns_ + arrival->offset_ns : never_ns;
  if (next_due_ns_ >= end_ns_) next_due_ns_ = never_ns;
}

void OpenLoop::send_due(os::Nanoseconds now_ns) {
  for (int sent = 0; sent < burst_max && next_due_ns_ <= now_ns; ++sent) {
    exchange_.issue(plan_.peek()->connection - range_.first, next_due_ns_);
    plan_.pop();
    find_next_due();
  }
}

void OpenLoop::end_at(os::Nanoseconds end_ns) {
  end_ns_ = std::min(end_ns_, end_ns);
  find_next_due();
}

os::Nanoseconds ClosedLoop::next_due_ns() const {
  return started_ < requests_to_start() && start_ns_ < end_ns_ ? start_ns_ : never_ns;
}

void ClosedLoop::send_due(os::Nanoseconds now_ns) {
  if (now_ns < start_ns_) return;
  if (now_ns >= end_ns_) started_ = requests_to_start();
  for (int sent = 0; sent < burst_max && started_ < requests_to_start(); ++sent) {
    exchange_.issue(static_cast<std::uint32_t>(started_++ % exchange_.connection_count()), now_ns);
  }
}

void ClosedLoop::on_answered(std::uint32_t index, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count && exchange_.last_ns() < end_ns_; ++i) {
    exchange_.issue(index, exchange_.last_ns());
  }
}

void ClosedLoop::end_at(os::Nanoseconds end_ns) {
  end_ns_ = std::min(end_ns_, end_ns);
}

os::Nanoseconds AliveProof::next_due_ns() const {
  return finished() || exchange_.outstanding() >= outstanding_max ? never_ns : start_ns_;
}

void AliveProof::send_due(os::Nanoseconds now_ns) {
  if (now_ns < start_ns_) return;
  for (int sent = 0; sent < burst_max && next_due_ns() != never_ns; ++issued_) {
    if (!is_opened(issued_)) continue;
    exchange_.issue(issued_, now_ns);
    ++sent;
  }
}

// A stop leaves the rest unproved, which counts as unsent.
void AliveProof::end_at(os::Nanoseconds) {
  for (; !finished(); ++issued_) {
    if (is_opened(issued_)) exchange_.skip();
  }
}

}  // namespace c1m::loadgen
