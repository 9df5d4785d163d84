// Starting connects at their pace; see connector.hpp.
#include "loadgen/connector.hpp"

#include <algorithm>

#include "loadgen/traffic.hpp"

namespace c1m::loadgen {

os::Nanoseconds ConnectPace::due_ns(std::uint32_t attempt) const {
  if (rate_per_s_ <= 0) return start_ns_;
  const double offset_ns = attempt * (static_cast<double>(os::ns_per_s) / rate_per_s_);
  return start_ns_ + static_cast<os::Nanoseconds>(offset_ns);
}

Connector::Connector(EchoExchange& exchange, ConnectionRange range, const Routes& routes,
                     const os::Clock& clock, os::Poller& poller, ConnectPace pace,
                     os::Nanoseconds timeout_ns)
    : count_(range.count),
      clock_(clock),
      pace_(pace),
      attempts_(exchange, range, routes, clock, poller, timeout_ns) {}

bool Connector::may_start() const {
  return !stopped_ && started_ < count_ && attempts_.in_progress() < in_progress_max;
}

void Connector::start_due(os::Nanoseconds now_ns) {
  for (int burst = 0; burst < burst_max; ++burst) {
    if (!may_start() || pace_.due_ns(started_) > now_ns) return;
    ++interval().attempted;
    note(attempts_.start(started_++));
  }
}

void Connector::note(ConnectAttempts::Progress progress) {
  if (progress == ConnectAttempts::Progress::established) ++interval().established;
  if (progress != ConnectAttempts::Progress::failed) return;
  ++interval().failed;
  stopped_ = true;
}

void Connector::note_closed(const measure::ErrorCounts& errors) {
  if (errors.empty() || closed_) return;
  closed_ = {.at_ns = clock_.now_ns(), .call = "recv", .reason = errors.begin()->first};
  stopped_ = true;
}

measure::ConnectResult Connector::result() const {
  measure::ConnectResult result = attempts_.result();
  auto& first = result.first_refusal;
  if (closed_ && (!first || closed_->at_ns < first->at_ns)) first = closed_;
  return result;
}

os::Nanoseconds Connector::next_due_ns() const {
  const os::Nanoseconds start_ns = may_start() ? pace_.due_ns(started_) : never_ns;
  return std::min(start_ns, attempts_.next_expiry_ns());
}

void Connector::handle(std::uint32_t index) {
  note(attempts_.handle(index));
}

void Connector::expire(os::Nanoseconds now_ns) {
  while (attempts_.expire_one(now_ns)) note(ConnectAttempts::Progress::failed);
}

bool Connector::finished() const {
  return attempts_.in_progress() == 0 && (stopped_ || started_ == count_);
}

}  // namespace c1m::loadgen
