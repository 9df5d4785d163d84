// One thread accepts; each connection has a thread that reads, answers and ends with it.
// Invariant: a connection is in the register exactly while its thread uses the server.
// Threads: a connection belongs to its own thread, but for shut_down() at the end; the register has
// a lock. Not here: an event loop. The io_context below exists because asio's sockets want one; it
// never runs.
#include "servers/threads/threads_server.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include "os/clock.hpp"
#include "os/poller.hpp"
#include "os/socket.hpp"
#include "os/thread.hpp"
#include "protocol/echo_session.hpp"
#include "protocol/session.hpp"
#include "protocol/websocket_session.hpp"
#include "servers/app/acceptor.hpp"
#include "servers/app/session_time.hpp"

namespace c1m::servers::threads {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// What a share of the connections counts in and has in common: several, so that threads seldom meet
// in one.
template <protocol::Session Session>
struct Stripe {
  Stripe(const app::ShardContext& context, app::WorkerCounters& stripe_counters)
      : counters(stripe_counters), service(app::make_service<Session>(context, stripe_counters)) {}

  app::WorkerCounters& counters;
  Session::Service service;
};

template <protocol::Session Session>
class Connection {
 public:
  Connection(asio::io_context& context, Stripe<Session>& stripe, const app::ShardContext& shard)
      : socket_(context),
        counters_(stripe.counters),
        service_(stripe.service),
        read_buffer_bytes_(shard.read_buffer_bytes),
        read_buffer_(std::make_unique_for_overwrite<std::byte[]>(read_buffer_bytes_)) {
    session_.begin(service_, app::session_now<Session>());
  }

  boost::system::error_code open(os::Descriptor& descriptor) {
    boost::system::error_code error;
    // The protocol matters to asio for sockets that it makes itself; this one is there already.
    socket_.assign(tcp::v4(), descriptor.get(), error);
    if (error) return error;
    std::ignore = descriptor.release();  // the socket closes it
    if constexpr (Session::keeps_time) error = make_reads_time_out();
    return error;
  }

  // Answers until the peer closes, an error, a deadline of the session, or shut_down().
  void serve() {
    const std::span<std::byte> space(read_buffer_.get(), read_buffer_bytes_);
    boost::system::error_code error;
    bool is_open = true;
    while (is_open && !error) {
      if constexpr (Session::keeps_time) {
        is_open = keep_time(error);
        if (!is_open || error) break;
      }
      const std::size_t got = socket_.read_some(asio::buffer(space.data(), space.size()), error);
      if (error == asio::error::interrupted || error == asio::error::would_block) {
        error.clear();
        continue;
      }
      if (error || got == 0) continue;
      counters_.count_read(got);
      is_open =
          deliver(session_.receive(service_, space.first(got), app::session_now<Session>()), error);
    }
    if constexpr (Session::keeps_time) {
      // Not in the middle of a frame that could not be sent whole.
      if (is_stopping_ && (!error || error == asio::error::eof)) {
        (void)deliver(session_.stop(service_, app::session_now<Session>()), error);
        error.clear();
      }
    }
    if (error && error != asio::error::eof) {
      app::WorkerCounters::add(counters_.connection_errors, 1);
    }
    session_.end(service_);
  }

  // From another thread: makes serve() return, as soon as it reads.
  void stop() {
    is_stopping_ = true;
    (void)os::shut_down_read(socket_.native_handle());
  }

  // From another thread: makes serve() return, also when it writes.
  void shut_down() {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }

  [[nodiscard]] app::WorkerCounters& counters() { return counters_; }

 private:
  // Calls block, but not longer than SO_RCVTIMEO and SO_SNDTIMEO say. Asio would answer their
  // EAGAIN by polling for ever; told that the user wants no blocking, it hands it on. Then the
  // descriptor is made to block behind its back.
  boost::system::error_code make_reads_time_out() {
    boost::system::error_code error;
    socket_.non_blocking(true, error);
    if (error) return error;
    const int fd = socket_.native_handle();
    const protocol::TimeLimits& times = service_.settings.times;
    auto made = os::set_blocking(fd);
    // A peer that takes nothing for as long as two pings may stay unanswered is gone, too.
    const os::Nanoseconds stall_ms = 2 * os::Nanoseconds{times.ping_interval_ms + times.pong_ms};
    if (made && times.ping_interval_ms > 0)
      made = os::set_write_timeout(fd, stall_ms * os::ns_per_ms);
    if (!made) error.assign(made.error().code, boost::system::system_category());
    return error;
  }

  // Does what is due, and sees to it that the next read ends when something is. False when the
  // connection is to be closed.
  bool keep_time(boost::system::error_code& error) {
    if (is_stopping_) return false;
    const protocol::Milliseconds now_ms = app::session_now<Session>();
    auto deadline = session_.deadline(service_);
    while (deadline && protocol::has_come(*deadline, now_ms)) {
      if (!deliver(session_.expire(service_, now_ms), error)) return false;
      deadline = session_.deadline(service_);
    }
    // Each read waits anew, so on a busy connection the time must shrink as the deadline comes
    // nearer; not on every message, for that is a call.
    constexpr protocol::Milliseconds tolerance_ms = 10;
    const protocol::Milliseconds left_ms = deadline ? *deadline - now_ms : 0;
    const bool is_good = armed_ms_ > 0 && armed_ms_ <= left_ms + left_ms / 8 + tolerance_ms;
    if (deadline ? !is_good || armed_ms_ < left_ms / 2 : armed_ms_ != 0) {
      armed_ms_ = left_ms;
      const auto set =
          os::set_read_timeout(socket_.native_handle(), os::Nanoseconds{left_ms} * os::ns_per_ms);
      if (!set) error.assign(set.error().code, boost::system::system_category());
    }
    return true;
  }

  // Sends a reply and does what is to be done then; false: close the connection.
  bool deliver(const protocol::Reply& reply, boost::system::error_code& error) {
    error = send(reply.bytes);
    if (!error && reply.after == protocol::After::finish)
      (void)os::shut_down_write(socket_.native_handle());
    return reply.after != protocol::After::close;
  }

  boost::system::error_code send(std::span<const std::byte> bytes) {
    boost::system::error_code error;
    while (!bytes.empty()) {
      const std::size_t sent = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
      if (error == asio::error::interrupted) continue;
      if (error) break;
      counters_.count_write(sent);
      bytes = bytes.subspan(sent);
    }
    return error;
  }

  tcp::socket socket_;
  app::WorkerCounters& counters_;
  Session::Service& service_;
  std::atomic<bool> is_stopping_ = false;
  protocol::Milliseconds armed_ms_ = 0;  // of the read timeout; 0: none
  std::size_t read_buffer_bytes_;
  // Made by the accepting thread: a thread that allocates pays for an allocator cache of its own.
  std::unique_ptr<std::byte[]> read_buffer_;
  [[no_unique_address]] Session session_;
};

template <protocol::Session Session>
class Server {
 public:
  explicit Server(app::ShardContext& context) : shard_(context) {
    for (app::WorkerCounters& counters : context.counters)
      stripes_.push_back(std::make_unique<Stripe<Session>>(context, counters));
  }

  os::Result<void> run() {
    auto poller = os::Poller::create();
    if (!poller) return std::unexpected(poller.error());
    const auto accepted = accept_until_stop(*poller);
    end_connections();
    return accepted;
  }

 private:
  using Register = std::list<Connection<Session>>;

  static constexpr std::uint64_t listener_tag = 0;
  static constexpr std::uint64_t stop_tag = 1;

  os::Result<void> accept_until_stop(os::Poller& poller) {
    const int listener = shard_.listeners.front().get();
    auto added = poller.add(shard_.stop_descriptor, EPOLLIN, stop_tag);
    if (added) added = poller.add(listener, EPOLLIN, listener_tag);
    if (!added) return added;
    app::Acceptor acceptor(listener, shard_.socket, os::Blocking::yes, shard_.counters.front());
    measure::LoopMeter meter = shard_.pauses.meter_of(0);
    while (true) {
      std::array<epoll_event, 2> events{};
      meter.wait_begins();
      const auto ready = poller.wait(events, meter.bounded(-1));
      meter.wait_ends();
      if (!ready) return std::unexpected(ready.error());
      bool acceptable = false;
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
        if (event.data.u64 == stop_tag) return {};
        acceptable = true;
      }
      if (!acceptable) continue;
      const auto outcome =
          acceptor.accept_batch([this](os::Descriptor socket) { start(std::move(socket)); });
      if (outcome == app::Acceptor::Outcome::wait) continue;
      if (auto paused = pause_accepting(poller, listener); !paused) return paused;
    }
  }

  // Sits out a shortage, but not a stop.
  os::Result<void> pause_accepting(os::Poller& poller, int listener) {
    if (auto removed = poller.remove(listener); !removed) return removed;
    std::array<epoll_event, 1> events{};
    if (const auto waited = poller.wait(events, app::accept_pause_ns); !waited) {
      return std::unexpected(waited.error());
    }
    return poller.add(listener, EPOLLIN, listener_tag);
  }

  void start(os::Descriptor socket) {
    Stripe<Session>& stripe = *stripes_[started_++ % stripes_.size()];
    typename Register::iterator connection;
    {
      const std::scoped_lock lock(mutex_);
      connection = register_.emplace(register_.end(), context_, stripe, shard_);
    }
    if (connection->open(socket)) return refuse(connection);
    const auto thread = os::start_detached_thread(shard_.thread_stack_bytes, [this, connection] {
      connection->serve();
      remove(connection);
    });
    if (thread) return;
    name_limit(thread.error());
    refuse(connection);
  }

  void refuse(Register::iterator connection) {
    app::WorkerCounters::add(connection->counters().accept_errors, 1);
    remove(connection);
  }

  // Nothing of the server may be touched by a connection's thread after this.
  void remove(Register::iterator connection) {
    const std::scoped_lock lock(mutex_);
    app::WorkerCounters::add(connection->counters().connections_closed, 1);
    register_.erase(connection);
    // Under the lock, so that the server cannot be gone before the call.
    if (register_.empty()) all_gone_.notify_all();
  }

  void end_connections() {
    // For the last frames of sessions that say goodbye, to peers that take them.
    constexpr std::chrono::seconds patience{1};
    std::unique_lock lock(mutex_);
    const auto is_empty = [this] { return register_.empty(); };
    if constexpr (Session::keeps_time) {
      for (Connection<Session>& connection : register_) connection.stop();
      all_gone_.wait_for(lock, patience, is_empty);
    }
    for (Connection<Session>& connection : register_) connection.shut_down();
    all_gone_.wait(lock, is_empty);
  }

  // Once: the next connection will most likely meet the same limit.
  void name_limit(const os::Error& error) {
    if (std::exchange(limit_named_, true)) return;
    fmt::print(
        stderr,
        "c1m-threads: shard {}: no thread for another connection beside {}: {}; the limits are "
        "kernel.threads-max, kernel.pid_max, vm.max_map_count, RLIMIT_NPROC and pids.max of the "
        "control "
        "group; such connections are closed and counted as accept_errors\n",
        shard_.index, size(), os::describe(error));
  }

  std::size_t size() {
    const std::scoped_lock lock(mutex_);
    return register_.size() - 1;
  }

  app::ShardContext& shard_;
  std::vector<std::unique_ptr<Stripe<Session>>> stripes_;  // which cannot move
  asio::io_context context_{1};
  std::mutex mutex_;
  std::condition_variable all_gone_;
  Register register_;  // a list, so that entries stay where they are
  std::size_t started_ = 0;
  bool limit_named_ = false;
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  if (context.protocol == app::ProtocolChoice::ws)
    return Server<protocol::WebSocketSession>(context).run();
  return Server<protocol::EchoSession>(context).run();
}

}  // namespace c1m::servers::threads
