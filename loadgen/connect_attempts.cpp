// From a socket to an established connection; see connect_attempts.hpp.
#include "loadgen/connect_attempts.hpp"

#include <cerrno>
#include <utility>

#include "os/assert.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

ConnectAttempts::ConnectAttempts(EchoExchange& exchange, ConnectionRange range,
                                 const Routes& routes, const os::Clock& clock, os::Poller& poller,
                                 os::Nanoseconds timeout_ns)
    : exchange_(exchange),
      range_(range),
      routes_(routes),
      clock_(clock),
      poller_(poller),
      timeout_ns_(timeout_ns) {}

ConnectAttempts::Progress ConnectAttempts::start(std::uint32_t index) {
  const os::Nanoseconds now_ns = clock_.now_ns();
  if (result_.first_ns == 0) result_.first_ns = now_ns;
  attempts_.begin(index, now_ns);
  auto socket = open_socket(index);
  if (!socket) return fail(index, socket.error().operation, os::error_name(socket.error().code));
  Connection& connection = exchange_.connection(index);
  connection.fd = socket->release();
  connection.state = ConnectionState::connecting;
  return Progress::pending;
}

os::Result<os::Descriptor> ConnectAttempts::open_socket(std::uint32_t index) {
  const std::uint32_t number = range_.first + index;
  auto socket = os::start_connect(routes_.target(number), routes_.source(number), {});
  if (!socket) return socket;
  if (auto added = poller_.add(socket->get(), EPOLLOUT, index); !added) {
    return std::unexpected(added.error());
  }
  return socket;
}

ConnectAttempts::Progress ConnectAttempts::handle(std::uint32_t index) {
  const Connection& connection = exchange_.connection(index);
  auto* attempt = attempts_.find(index);
  C1M_ASSERT(connection.state == ConnectionState::connecting && attempt != nullptr,
             "it is being opened");
  const os::Nanoseconds now_ns = clock_.now_ns();
  const bool is_connected = std::exchange(attempt->note.is_connected, true);
  if (!is_connected) {
    if (auto connected = os::connect_result(connection.fd); !connected) {
      return fail(index, connected.error().operation, os::error_name(connected.error().code));
    }
    result_.latency_ns.record(now_ns - attempt->since_ns);
  }
  switch (is_connected ? exchange_.go_on_opening(index) : exchange_.open(index)) {
    case EchoExchange::Opening::pending:
      return Progress::pending;
    case EchoExchange::Opening::refused:
      return fail(index, "handshake", exchange_.refusal());
    case EchoExchange::Opening::established:
      break;
  }
  attempts_.end(index);
  result_.last_ns = now_ns;
  return Progress::established;
}

std::optional<std::uint32_t> ConnectAttempts::expire_one(os::Nanoseconds now_ns) {
  const auto index = attempts_.overdue(now_ns - timeout_ns_);
  if (!index) return std::nullopt;
  const std::string reason = os::error_name(ETIMEDOUT);
  const bool is_connected = attempts_.find(*index)->note.is_connected;
  fail(*index, is_connected ? "handshake" : "connect",
       is_connected ? "handshake: " + reason : reason);
  return index;
}

ConnectAttempts::Progress ConnectAttempts::fail(std::uint32_t index, const char* call,
                                                const std::string& reason) {
  attempts_.end(index);
  exchange_.abandon(index);
  if (!result_.first_refusal) result_.first_refusal = {clock_.now_ns(), call, reason};
  ++result_.failed;
  ++result_.errors[reason];
  return Progress::failed;
}

}  // namespace c1m::loadgen
