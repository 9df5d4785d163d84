// Starting and finishing connects; see connector.hpp.
#include "loadgen/connector.hpp"

#include <unistd.h>

#include <algorithm>

#include "loadgen/traffic.hpp"
#include "os/assert.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

os::Nanoseconds ConnectPace::due_ns(std::uint32_t attempt) const {
  if (rate_per_s_ <= 0) return start_ns_;
  const double offset_ns = attempt * (static_cast<double>(os::ns_per_s) / rate_per_s_);
  return start_ns_ + static_cast<os::Nanoseconds>(offset_ns);
}

Connector::Connector(EchoExchange& exchange, ConnectionRange range, const Routes& routes,
                     const os::Clock& clock, os::Poller& poller, ConnectPace pace,
                     os::Nanoseconds timeout_ns)
    : exchange_(exchange),
      range_(range),
      routes_(routes),
      clock_(clock),
      poller_(poller),
      pace_(pace),
      timeout_ns_(timeout_ns),
      attempts_(in_progress_max) {}

void Connector::start_due(os::Nanoseconds now_ns) {
  for (int burst = 0; burst < burst_max; ++burst) {
    const bool is_full = started_ - oldest_ >= in_progress_max;
    if (stopped_ || is_full || started_ == range_.count || pace_.due_ns(started_) > now_ns) return;
    start_one(clock_.now_ns());
  }
}

void Connector::start_one(os::Nanoseconds now_ns) {
  if (result_.first_ns == 0) result_.first_ns = now_ns;
  const std::uint32_t index = started_++;
  auto socket = open_socket(index);
  attempt_at(index) = {
      .connection = index, .started_ns = now_ns, .in_progress = socket.has_value()};
  if (!socket) {
    fail(os::error_name(socket.error().code));
    return;
  }
  Connection& connection = exchange_.connection(index);
  connection.fd = socket->release();
  connection.state = ConnectionState::connecting;
}

os::Result<os::Descriptor> Connector::open_socket(std::uint32_t index) {
  const std::uint32_t number = range_.first + index;
  auto socket = os::start_connect(routes_.target(number), routes_.source(number), {});
  if (!socket) return socket;
  if (auto added = poller_.add(socket->get(), EPOLLOUT, index); !added) {
    return std::unexpected(added.error());
  }
  return socket;
}

os::Nanoseconds Connector::next_due_ns() const {
  os::Nanoseconds due_ns = never_ns;
  const bool is_full = started_ - oldest_ >= in_progress_max;
  if (!stopped_ && !is_full && started_ < range_.count) due_ns = pace_.due_ns(started_);
  if (oldest_ < started_) {
    due_ns = std::min(due_ns, attempts_[oldest_ % in_progress_max].started_ns + timeout_ns_);
  }
  return due_ns;
}

void Connector::handle(std::uint32_t index) {
  const Connection& connection = exchange_.connection(index);
  C1M_ASSERT(connection.state == ConnectionState::connecting, "the connector owns it");
  Attempt& attempt = attempt_at(index);
  const os::Nanoseconds now_ns = clock_.now_ns();
  if (!attempt.is_opening) {
    if (auto connected = os::connect_result(connection.fd); !connected) {
      give_up(attempt, os::error_name(connected.error().code));
      return;
    }
    result_.latency_ns.record(now_ns - attempt.started_ns);
  }
  switch (attempt.is_opening ? exchange_.go_on_opening(index) : exchange_.open(index)) {
    case EchoExchange::Opening::pending:
      attempt.is_opening = true;
      return;
    case EchoExchange::Opening::refused:
      give_up(attempt, exchange_.refusal());
      return;
    case EchoExchange::Opening::established:
      break;
  }
  attempt.in_progress = false;
  result_.last_ns = now_ns;
  drop_finished();
}

void Connector::expire(os::Nanoseconds now_ns) {
  drop_finished();
  while (oldest_ < started_ && attempt_at(oldest_).started_ns + timeout_ns_ <= now_ns) {
    Attempt& attempt = attempt_at(oldest_);
    const std::string reason = os::error_name(ETIMEDOUT);
    give_up(attempt, attempt.is_opening ? "handshake: " + reason : reason);
  }
}

void Connector::give_up(Attempt& attempt, const std::string& reason) {
  Connection& connection = exchange_.connection(attempt.connection);
  attempt.in_progress = false;
  ::close(connection.fd);
  connection = Connection{};
  connection.state = ConnectionState::closed;
  fail(reason);
  drop_finished();
}

void Connector::fail(const std::string& reason) {
  ++result_.failed;
  ++result_.errors[reason];
  stopped_ = true;
}

void Connector::drop_finished() {
  while (oldest_ < started_ && !attempt_at(oldest_).in_progress) ++oldest_;
}

bool Connector::finished() const {
  return oldest_ == started_ && (stopped_ || started_ == range_.count);
}

}  // namespace c1m::loadgen
