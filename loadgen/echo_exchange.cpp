// Sending and receiving; see echo_exchange.hpp.
#include "loadgen/echo_exchange.hpp"

#include <unistd.h>

#include <algorithm>

#include "os/assert.hpp"
#include "os/receive_timestamp.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

// One read takes what a socket usually holds; a larger answer takes several reads.
constexpr std::size_t receive_buffer_bytes = 64 * 1024;
constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP;

bool is_open(const Connection& connection) {
  return connection.state == ConnectionState::established ||
         connection.state == ConnectionState::closing;
}

}  // namespace

EchoExchange::EchoExchange(ConnectionRange range, InFlightLimits limits, const Payload& payload,
                           const os::Clock& clock, os::Poller& poller, Accounting& accounting)
    : range_(range),
      pipeline_(limits.pipeline),
      payload_(payload),
      clock_(clock),
      poller_(poller),
      accounting_(accounting),
      requests_(limits.in_all),
      verifier_(payload, requests_),
      connections_(range.count),
      receive_buffer_(receive_buffer_bytes) {}

EchoExchange::~EchoExchange() {
  for (Connection& connection : connections_) {
    if (connection.fd >= 0) ::close(connection.fd);
  }
}

void EchoExchange::adopt(std::uint32_t index) {
  Connection& connection = connections_[index];
  connection.state = ConnectionState::established;
  ++established_;
  if (!poller_.modify(connection.fd, reading, index)) {
    close(index, "epoll_ctl");
  } else if (stamps_ && !os::enable_receive_timestamps(connection.fd)) {
    close(index, "SO_TIMESTAMPING");
  }
}

EchoExchange::Opening EchoExchange::open(std::uint32_t index) {
  adopt(index);
  return Opening::established;
}

EchoExchange::Opening EchoExchange::go_on_opening(std::uint32_t) {
  return Opening::established;
}

EchoExchange::Outgoing EchoExchange::outgoing(std::uint32_t index, const Request& request,
                                              std::size_t offset) {
  return {.bytes = payload_.message(number_of(index), request.sequence).subspan(offset)};
}

EchoExchange::Outcome EchoExchange::take(std::uint32_t index, std::span<std::byte> bytes) {
  verifier_.consume(connections_[index], number_of(index), bytes, *this);
  return Outcome::kept;
}

void EchoExchange::issue(std::uint32_t index, os::Nanoseconds intended_ns) {
  Connection& connection = connections_[index];
  last_ns_ = clock_.now_ns();
  accounting_.on_planned(intended_ns, last_ns_);
  const RequestIndex request = takes_requests(connection) ? requests_.take() : no_request;
  if (request == no_request) {
    accounting_.on_unsent(intended_ns, last_ns_);
    return;
  }
  requests_[request].intended_ns = intended_ns;
  requests_[request].sequence = connection.next_sequence++;
  if (connection.tail == no_request) {
    connection.head = request;
  } else {
    requests_[connection.tail].next = request;
  }
  connection.tail = request;
  if (connection.first_unsent != no_request) return;  // behind others that wait for room
  connection.first_unsent = request;
  connection.sent_bytes = 0;
  flush(index, last_ns_, intended_ns);
}

bool EchoExchange::takes_requests(const Connection& connection) const {
  if (connection.state == ConnectionState::established) return true;
  const bool has_ended =
      connection.state == ConnectionState::closed || connection.state == ConnectionState::unopened;
  return life_observer_ != nullptr && !has_ended;
}

// The next request of the queue, or the rest of one.
bool EchoExchange::may_send(const Connection& connection) const {
  if (connection.first_unsent == no_request) return false;
  if (connection.sent_bytes > 0) return true;
  const bool may_begin =
      connection.state == ConnectionState::established && !is_settled_ && !connection.is_retiring;
  return may_begin && connection.unanswered < pipeline_;
}

EchoExchange::Outcome EchoExchange::flush(std::uint32_t index, os::Nanoseconds now_ns,
                                          os::Nanoseconds room_since_ns) {
  Connection& connection = connections_[index];
  while (true) {
    if (connection.has_urgent && connection.sent_bytes == 0) {
      if (send_urgent(index) == Outcome::closed) return Outcome::closed;
      if (connection.has_urgent) {
        await_room(index, true);
        return Outcome::kept;
      }
    }
    if (!may_send(connection)) break;
    Request& request = requests_[connection.first_unsent];
    const Outgoing next = outgoing(index, request, connection.sent_bytes);
    const auto sent = os::write_some(connection.fd, next.bytes);
    if (!sent && os::would_block(sent.error())) {
      await_room(index, true);
      return Outcome::kept;
    }
    if (!sent) {
      close(index, os::error_name(sent.error().code));
      return Outcome::closed;
    }
    if (request.sent_ns == 0) {
      request.sent_ns = now_ns;
      ++connection.unanswered;
      accounting_.on_sent(request, std::max(request.intended_ns, room_since_ns));
    }
    connection.sent_bytes += static_cast<std::uint32_t>(*sent);
    if (next.ends_request && *sent == next.bytes.size()) {
      connection.first_unsent = request.next;
      connection.sent_bytes = 0;
      on_left(index, request);
    }
    if (may_send(connection)) now_ns = last_ns_ = clock_.now_ns();
  }
  await_room(index, false);
  return Outcome::kept;
}

void EchoExchange::await_room(std::uint32_t index, bool wanted) {
  Connection& connection = connections_[index];
  if (connection.awaits_room == wanted) return;
  connection.awaits_room = wanted;
  const std::uint32_t events = wanted ? reading | EPOLLOUT : reading;
  const auto changed = poller_.modify(connection.fd, events, index);
  C1M_ASSERT(changed.has_value(), "an open descriptor stays registered");
}

void EchoExchange::skip() {
  last_ns_ = clock_.now_ns();
  accounting_.on_planned(last_ns_, last_ns_);
  accounting_.on_unsent(last_ns_, last_ns_);
}

std::uint32_t EchoExchange::handle(std::uint32_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (!is_open(connection)) return 0;
  const std::uint64_t answers_before = answers_;
  const std::uint64_t swallowed_before = swallowed_;
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && receive(index) == Outcome::closed) return 0;
  const auto answered = static_cast<std::uint32_t>(answers_ - answers_before);
  const bool was_full = connection.unanswered >= pipeline_;
  connection.unanswered -= answered + static_cast<std::uint32_t>(swallowed_ - swallowed_before);
  const bool has_room = was_full && may_send(connection) && !connection.awaits_room;
  if ((events & EPOLLOUT) != 0 || has_room) {
    // A place in the pipeline is free since the answer was received.
    const os::Nanoseconds room_since_ns = was_full ? last_ns_ : 0;
    last_ns_ = clock_.now_ns();
    if (flush(index, last_ns_, room_since_ns) == Outcome::closed) return 0;
  }
  if (connection.is_retiring) end_if_quiet(index);
  return answered;
}

os::Result<std::size_t> EchoExchange::read(int fd) {
  if (!stamps_) {
    const auto got = os::read_some(fd, receive_buffer_);
    last_ns_ = clock_.now_ns();
    return got;
  }
  const auto got = os::read_some_stamped(fd, receive_buffer_);
  last_ns_ = clock_.now_ns();
  kernel_delay_ns_.reset();
  if (!got) return std::unexpected(got.error());
  if (got->received_realtime_ns) {
    kernel_delay_ns_ = os::realtime_ns() - *got->received_realtime_ns;
  }
  return got->bytes;
}

// One read an event: registration is level-triggered, so that what is left comes back, and a
// connection with a large answer does not hold up the others.
EchoExchange::Outcome EchoExchange::receive(std::uint32_t index) {
  Connection& connection = connections_[index];
  const auto got = read(connection.fd);
  if (!got && os::would_block(got.error())) return Outcome::kept;
  if (!got || *got == 0) {
    close(index, got ? closed_by_peer : os::error_name(got.error().code));
    return Outcome::closed;
  }
  return take(index, std::span(receive_buffer_).first(*got));
}

void EchoExchange::leave(std::uint32_t index) {
  Connection& connection = connections_[index];
  C1M_ASSERT(connection.state == ConnectionState::established, "it leaves once");
  connection.state = ConnectionState::closing;
  connection.is_retiring = false;
  --established_;
}

bool EchoExchange::is_quiet(std::uint32_t index) const {
  return connections_[index].unanswered == 0 && connections_[index].sent_bytes == 0;
}

void EchoExchange::end_if_quiet(std::uint32_t index) {
  if (!is_quiet(index)) return;
  if (connections_[index].ends_by_reset) {
    reset_within_request(index);
    return;
  }
  if (life_observer_ != nullptr) life_observer_->on_closing(index);
  begin_closing(index);
}

// The kernel hands over what it has taken before the reset, at least on loopback; what it has not
// taken, or drops, makes the request no less unfinished.
void EchoExchange::reset_within_request(std::uint32_t index) {
  Connection& connection = connections_[index];
  const Request uncounted{.sequence = connection.next_sequence++};
  const auto bytes = outgoing(index, uncounted, 0).bytes;
  const auto sent = os::write_some(connection.fd, bytes.first(bytes.size() / 2));
  if (!sent && !os::would_block(sent.error())) {
    part(index, os::error_name(sent.error().code));  // the peer's end came first
    return;
  }
  const auto set = os::reset_on_close(connection.fd);
  part(index, set ? reset_as_planned : os::error_name(set.error().code));
}

void EchoExchange::retire(std::uint32_t index, LifeEnd end) {
  C1M_ASSERT(connections_[index].state == ConnectionState::established, "a life ends once");
  connections_[index].is_retiring = true;
  connections_[index].ends_by_reset = end == LifeEnd::by_reset;
  end_if_quiet(index);
}

void EchoExchange::begin_closing(std::uint32_t index) {
  if (connections_[index].state != ConnectionState::established) return;
  leave(index);
  // Of a connection that has failed meanwhile: the next read says why.
  static_cast<void>(os::shut_down_write(connections_[index].fd));
}

void EchoExchange::resume(std::uint32_t index) {
  if (connections_[index].state != ConnectionState::established) return;
  last_ns_ = clock_.now_ns();
  flush(index, last_ns_, last_ns_);
}

void EchoExchange::forget_closed() {
  for (Connection& connection : connections_) {
    if (connection.state == ConnectionState::closed) connection.state = ConnectionState::unopened;
  }
}

void EchoExchange::abandon(std::uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.fd >= 0) ::close(connection.fd);
  last_ns_ = clock_.now_ns();
  settle_queue(connection, Unsent::settled);
  connection = Connection{};
  connection.state = ConnectionState::closed;
}

void EchoExchange::close(std::uint32_t index, const std::string& reason) {
  if (connections_[index].state == ConnectionState::established) ++errors_[reason];
  part(index, reason);
}

void EchoExchange::part(std::uint32_t index, const std::string& reason) {
  Connection& connection = connections_[index];
  const bool is_over = connection.state == ConnectionState::closing || connection.is_retiring;
  const bool has_next_life = life_observer_ != nullptr && is_over;
  if (connection.state == ConnectionState::established) --established_;
  on_closed(index);
  ::close(connection.fd);  // also ends its registration with the poller
  last_ns_ = clock_.now_ns();
  settle_queue(connection, has_next_life ? Unsent::kept : Unsent::settled);
  Connection after;
  after.state = has_next_life ? ConnectionState::parted : ConnectionState::closed;
  after.head = after.first_unsent = connection.head;
  after.tail = connection.tail;
  after.next_sequence = connection.next_sequence;  // no two requests of a connection are alike
  connection = after;
  if (has_next_life) life_observer_->on_parted(index, reason);
}

void EchoExchange::settle_queue(Connection& connection, Unsent unsent) {
  while (connection.head != no_request) {
    const RequestIndex settled = connection.head;
    const Request& request = requests_[settled];
    const bool was_sent = request.sent_ns != 0;
    if (!was_sent && unsent == Unsent::kept) return;
    connection.head = request.next;
    if (!is_settled_ && !was_sent) {
      accounting_.on_unsent(request.intended_ns, last_ns_);
    } else if (!is_settled_) {
      accounting_.on_lost(request, last_ns_);
    }
    requests_.give_back(settled);
  }
  connection.tail = no_request;
}

void EchoExchange::settle_rest() {
  last_ns_ = clock_.now_ns();
  is_settled_ = true;
  for (const Connection& connection : connections_) {
    for (RequestIndex at = connection.head; at != no_request; at = requests_[at].next) {
      const Request& request = requests_[at];
      if (request.sent_ns == 0) {
        accounting_.on_unsent(request.intended_ns, last_ns_);
      } else {
        accounting_.on_in_flight_at_end(request, last_ns_);
      }
    }
  }
}

void EchoExchange::on_answer(const Request& request, bool corrupt) {
  ++answers_;
  if (is_settled_) return;
  if (kernel_delay_ns_) accounting_.on_kernel_delay(request, last_ns_, *kernel_delay_ns_);
  accounting_.on_answered(request, last_ns_, corrupt);
}

void EchoExchange::on_swallowed(const Request& request) {
  ++swallowed_;
  if (!is_settled_) accounting_.on_lost(request, last_ns_);
}

void EchoExchange::on_unexpected_bytes(std::size_t count) {
  accounting_.on_unexpected_bytes(count);
}

}  // namespace c1m::loadgen
