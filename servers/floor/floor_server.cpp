// One level-triggered epoll loop a processor. A connection's state stands in a table by descriptor
// number: 16 bytes and its session (none for echo, 40 bytes for WebSocket), and nothing else of
// user memory while nothing waits to be sent. Deadlines have no timers: the table is swept.
#include "servers/floor/floor_server.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "os/clock.hpp"
#include "os/limits.hpp"
#include "os/poller.hpp"
#include "os/socket.hpp"
#include "protocol/echo_session.hpp"
#include "protocol/session.hpp"
#include "protocol/websocket_session.hpp"
#include "servers/app/acceptor.hpp"
#include "servers/app/session_sweep.hpp"
#include "servers/app/session_time.hpp"
#include "servers/app/worker_threads.hpp"

namespace c1m::servers::floor {
namespace {

using protocol::After;

// Tags of the loop's own descriptors; those of connections are their numbers.
constexpr std::uint64_t listener_tag = ~0ULL;
constexpr std::uint64_t stop_tag = listener_tag - 1;

// What could not be sent at once. The connection is not read meanwhile, so the peer feels the
// back-pressure.
struct Unsent {
  std::vector<std::byte> bytes;
  std::size_t sent = 0;
  After after = After::keep_open;
};

template <protocol::Session Session>
class Loop {
 public:
  Loop(app::ShardContext& context, unsigned worker, os::Poller poller)
      : context_(context),
        listener_(context.listeners[worker].get()),
        counters_(context.counters[worker]),
        poller_(std::move(poller)),
        acceptor_(listener_, context.socket, os::Blocking::no, counters_),
        service_(app::make_service<Session>(context, counters_)),
        sweep_(context.websocket.times),
        meter_(context.pauses.meter_of(worker)),
        read_buffer_(context.read_buffer_bytes) {
    // Address space only: pages come as descriptor numbers grow.
    connections_.reserve(context.connections + os::reserved_descriptors);
  }

  os::Result<void> run() {
    auto added = poller_.add(context_.stop_descriptor, EPOLLIN, stop_tag);
    if (added) added = poller_.add(listener_, EPOLLIN, listener_tag);
    if (!added) return added;
    std::array<epoll_event, events_max> events{};
    while (!stopping_) {
      meter_.wait_begins();
      const auto ready = poller_.wait(events, meter_.bounded(timeout_ns()));
      meter_.wait_ends();
      if (!ready) return std::unexpected(ready.error());
      now_ms_ = app::session_now<Session>();
      // Events of a wait concern different descriptors, so closing one cannot make another's event
      // stale.
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
        if (auto handled = handle(event); !handled) return handled;
      }
      if (auto resumed = resume_accepting(); !resumed) return resumed;
      if (auto swept = sweep(); !swept) return swept;
    }
    if constexpr (Session::keeps_time) say_goodbye();
    return {};
  }

 private:
  static constexpr std::size_t events_max = 512;

  struct Connection {
    os::Descriptor socket;
    std::unique_ptr<Unsent> unsent;
    [[no_unique_address]] Session session;
  };

  os::Result<void> handle(const epoll_event& event) {
    if (event.data.u64 == listener_tag) return accept();
    if (event.data.u64 == stop_tag) {
      stopping_ = true;
      return {};
    }
    Connection& connection = connections_[event.data.u64];
    return connection.unsent ? send_rest(connection) : answer(connection);
  }

  os::Result<void> accept() {
    const auto outcome =
        acceptor_.accept_batch([this](os::Descriptor socket) { adopt(std::move(socket)); });
    if (outcome == app::Acceptor::Outcome::wait) return {};
    // Readable all the while, it would make every wait return at once.
    accept_again_ns_ = os::monotonic_ns() + app::accept_pause_ns;
    return poller_.remove(listener_);
  }

  void adopt(os::Descriptor socket) {
    const auto number = static_cast<std::size_t>(socket.get());
    if (!poller_.add(socket.get(), EPOLLIN, number)) {
      // At fs.epoll.max_user_watches, or out of memory: this one goes unserved.
      app::WorkerCounters::add(counters_.accept_errors, 1);
      app::WorkerCounters::add(counters_.connections_closed, 1);
      return;
    }
    if (connections_.size() <= number) connections_.resize(number + 1);
    connections_[number] = {.socket = std::move(socket), .unsent = nullptr, .session = {}};
    connections_[number].session.begin(service_, now_ms_);
  }

  os::Result<void> resume_accepting() {
    if (!accept_again_ns_ || os::monotonic_ns() < *accept_again_ns_) return {};
    accept_again_ns_.reset();
    return poller_.add(listener_, EPOLLIN, listener_tag);
  }

  [[nodiscard]] os::Nanoseconds timeout_ns() const {
    const os::Nanoseconds pause_ns = accept_again_ns_ ? app::accept_pause_ns : -1;
    if constexpr (Session::keeps_time) {
      const os::Nanoseconds sweep_ns = sweep_.wait_ns(os::monotonic_ns());
      return pause_ns < 0 ? sweep_ns : std::min(pause_ns, sweep_ns);
    }
    return pause_ns;
  }

  // Tells the sessions whose time has come.
  os::Result<void> sweep() {
    if constexpr (Session::keeps_time) {
      const auto slice = sweep_.due(connections_.size(), os::monotonic_ns());
      for (std::size_t number = slice.begin; number < slice.end; ++number) {
        Connection& connection = connections_[number];
        if (!connection.socket.is_open()) continue;
        const auto deadline = connection.session.deadline(service_);
        if (!deadline || !protocol::has_come(*deadline, now_ms_)) continue;
        const auto done = deliver(connection, connection.session.expire(service_, now_ms_));
        if (!done) return done;
      }
    }
    return {};
  }

  // The last frame to everyone who takes it, without waiting. What is still to be read is read, for
  // closing a socket with unread bytes resets it, and the frame could be lost.
  void say_goodbye() {
    for (Connection& connection : connections_) {
      if (!connection.socket.is_open()) continue;
      const protocol::Reply reply = connection.session.stop(service_, now_ms_);
      if (!connection.unsent && !reply.bytes.empty()) (void)send(connection, reply.bytes);
      (void)os::shut_down_write(connection.socket.get());
      constexpr int reads_max = 16;
      for (int reads = 0; reads < reads_max; ++reads) {
        const auto got = os::read_some(connection.socket.get(), read_buffer_);
        if (!got || *got == 0) break;
      }
      (void)close(connection);
    }
  }

  os::Result<void> answer(Connection& connection) {
    const auto got = os::read_some(connection.socket.get(), read_buffer_);
    if (!got) return os::would_block(got.error()) ? os::Result<void>{} : fail(connection);
    if (*got == 0) return close(connection);
    counters_.count_read(*got);
    return deliver(connection, connection.session.receive(
                                   service_, std::span(read_buffer_).first(*got), now_ms_));
  }

  // Sends a reply, or as much as the kernel takes; the rest waits.
  os::Result<void> deliver(Connection& connection, const protocol::Reply& reply) {
    if (connection.unsent) return append(connection, reply);
    if (reply.bytes.empty()) return follow_up(connection, reply.after);
    const auto sent = send(connection, reply.bytes);
    if (!sent) return fail(connection);
    if (*sent == reply.bytes.size()) return follow_up(connection, reply.after);
    const auto rest = reply.bytes.subspan(*sent);
    connection.unsent = std::make_unique<Unsent>(
        Unsent{.bytes = {rest.begin(), rest.end()}, .sent = 0, .after = reply.after});
    return poller_.modify(connection.socket.get(), EPOLLOUT, tag_of(connection));
  }

  // What a deadline brings while the peer does not take what was sent before.
  os::Result<void> append(Connection& connection, const protocol::Reply& reply) {
    if (reply.after == After::close) return close(connection);
    Unsent& unsent = *connection.unsent;
    unsent.bytes.insert(unsent.bytes.end(), reply.bytes.begin(), reply.bytes.end());
    if (reply.after != After::keep_open) unsent.after = reply.after;
    return {};
  }

  os::Result<void> follow_up(Connection& connection, After after) {
    if (after == After::close) return close(connection);
    // A failure means that the peer has gone, which the next read tells.
    if (after == After::finish) (void)os::shut_down_write(connection.socket.get());
    return {};
  }

  os::Result<void> send_rest(Connection& connection) {
    Unsent& unsent = *connection.unsent;
    const auto sent = send(connection, std::span(unsent.bytes).subspan(unsent.sent));
    if (!sent) return fail(connection);
    unsent.sent += *sent;
    if (unsent.sent < unsent.bytes.size()) return {};
    const After after = unsent.after;
    connection.unsent.reset();
    if (after == After::close) return close(connection);
    if (auto watched = poller_.modify(connection.socket.get(), EPOLLIN, tag_of(connection));
        !watched)
      return watched;
    return follow_up(connection, after);
  }

  // How much the kernel took, which is nothing when its buffer is full.
  os::Result<std::size_t> send(Connection& connection, std::span<const std::byte> bytes) {
    const auto sent = os::write_some(connection.socket.get(), bytes);
    if (sent) {
      counters_.count_write(*sent);
    } else if (os::would_block(sent.error())) {
      return 0;
    }
    return sent;
  }

  // A reset and the like: the peer's doing, not the server's failure.
  os::Result<void> fail(Connection& connection) {
    app::WorkerCounters::add(counters_.connection_errors, 1);
    return close(connection);
  }

  os::Result<void> close(Connection& connection) {
    connection.session.end(service_);
    connection = {};  // closing takes the socket out of the poller
    app::WorkerCounters::add(counters_.connections_closed, 1);
    return {};
  }

  static std::uint64_t tag_of(const Connection& connection) {
    return static_cast<std::uint64_t>(connection.socket.get());
  }

  app::ShardContext& context_;
  int listener_;
  app::WorkerCounters& counters_;
  os::Poller poller_;
  app::Acceptor acceptor_;
  Session::Service service_;
  app::SessionSweep sweep_;
  measure::LoopMeter meter_;
  protocol::Milliseconds now_ms_ = app::session_now<Session>();  // of the last wait's end
  std::vector<std::byte> read_buffer_;
  std::vector<Connection> connections_;  // by descriptor number
  std::optional<os::Nanoseconds> accept_again_ns_;
  bool stopping_ = false;
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  return app::run_workers(context.processors, [&context](unsigned worker) -> os::Result<void> {
    auto poller = os::Poller::create();
    if (!poller) return std::unexpected(poller.error());
    if (context.protocol == app::ProtocolChoice::ws)
      return Loop<protocol::WebSocketSession>(context, worker, std::move(*poller)).run();
    return Loop<protocol::EchoSession>(context, worker, std::move(*poller)).run();
  });
}

}  // namespace c1m::servers::floor
