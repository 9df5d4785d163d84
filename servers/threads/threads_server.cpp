// One thread accepts; each connection has a thread that reads, answers and ends with it.
// Invariant: a connection is in the register exactly while its thread uses the server.
// Threads: a connection belongs to its own thread, but for shut_down() at the end; the register has
// a lock. Not here: an event loop. The io_context below exists because asio's sockets want one; it
// never runs.
#include "servers/threads/threads_server.hpp"

#include <array>
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
#include "os/thread.hpp"
#include "protocol/echo_session.hpp"
#include "protocol/session.hpp"
#include "servers/app/acceptor.hpp"

namespace c1m::servers::threads {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

template <protocol::Session Session>
class Connection {
 public:
  Connection(asio::io_context& context, app::WorkerCounters& counters,
             std::size_t read_buffer_bytes)
      : socket_(context),
        counters_(counters),
        read_buffer_bytes_(read_buffer_bytes),
        read_buffer_(std::make_unique_for_overwrite<std::byte[]>(read_buffer_bytes)) {}

  boost::system::error_code open(os::Descriptor& descriptor) {
    boost::system::error_code error;
    // The protocol matters to asio for sockets that it makes itself; this one is there already.
    socket_.assign(tcp::v4(), descriptor.get(), error);
    if (!error) std::ignore = descriptor.release();  // the socket closes it
    return error;
  }

  // Echoes until the peer closes, an error, or shut_down().
  void serve() {
    const std::span<std::byte> space(read_buffer_.get(), read_buffer_bytes_);
    boost::system::error_code error;
    while (!error) {
      const std::size_t got = socket_.read_some(asio::buffer(space.data(), space.size()), error);
      if (error == asio::error::interrupted) error.clear();
      if (error || got == 0) continue;
      counters_.count_read(got);
      const protocol::Reply reply = session_.receive(service_, space.first(got), 0);
      error = send(reply.bytes);
      if (reply.after == protocol::After::close) break;
    }
    if (error && error != asio::error::eof) {
      app::WorkerCounters::add(counters_.connection_errors, 1);
    }
  }

  // From another thread: makes serve() return.
  void shut_down() {
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  }

  [[nodiscard]] app::WorkerCounters& counters() { return counters_; }

 private:
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
  std::size_t read_buffer_bytes_;
  // Made by the accepting thread: a thread that allocates pays for an allocator cache of its own.
  std::unique_ptr<std::byte[]> read_buffer_;
  [[no_unique_address]] typename Session::Service service_;
  [[no_unique_address]] Session session_;
};

template <protocol::Session Session>
class Server {
 public:
  explicit Server(app::ShardContext& context) : shard_(context) {}

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
    while (true) {
      std::array<epoll_event, 2> events{};
      const auto ready = poller.wait(events, -1);
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
    app::WorkerCounters& counters = shard_.counters[started_++ % shard_.counters.size()];
    typename Register::iterator connection;
    {
      const std::scoped_lock lock(mutex_);
      connection = register_.emplace(register_.end(), context_, counters, shard_.read_buffer_bytes);
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

  void refuse(typename Register::iterator connection) {
    app::WorkerCounters::add(connection->counters().accept_errors, 1);
    remove(connection);
  }

  // Nothing of the server may be touched by a connection's thread after this.
  void remove(typename Register::iterator connection) {
    const std::scoped_lock lock(mutex_);
    app::WorkerCounters::add(connection->counters().connections_closed, 1);
    register_.erase(connection);
    // Under the lock, so that the server cannot be gone before the call.
    if (register_.empty()) all_gone_.notify_all();
  }

  void end_connections() {
    std::unique_lock lock(mutex_);
    for (Connection<Session>& connection : register_) connection.shut_down();
    all_gone_.wait(lock, [this] { return register_.empty(); });
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
  asio::io_context context_{1};
  std::mutex mutex_;
  std::condition_variable all_gone_;
  Register register_;  // a list, so that entries stay where they are
  std::size_t started_ = 0;
  bool limit_named_ = false;
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  return Server<protocol::EchoSession>(context).run();
}

}  // namespace c1m::servers::threads
