// One libuv loop a processor. Reads share one buffer a loop, for a reply is sent (uv_try_write) or
// copied before the next read. Invariant: a connection is read only while nothing waits to be sent
// on it. Sessions' deadlines have no timers: one timer a loop sweeps a table of the connections.
// Threads: a loop and all its handles belong to one thread. Not here: uv_listen(), because
// libuv answers a shortage of descriptors by closing pending connections unseen; the listener is
// polled, and accepting is the code that all backends share.
#include "servers/uv/uv_server.hpp"

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/socket.hpp"
#include "protocol/echo_session.hpp"
#include "protocol/session.hpp"
#include "protocol/websocket_session.hpp"
#include "servers/app/acceptor.hpp"
#include "servers/app/session_sweep.hpp"
#include "servers/app/session_time.hpp"
#include "servers/app/worker_threads.hpp"
#include "servers/uv/loop_watch.hpp"

namespace c1m::servers::uv {
namespace {

using protocol::After;

// libuv returns 0 or a negated errno.
os::Result<void> to_result(int code, const char* operation) {
  if (code < 0) return os::fail(-code, operation);
  return {};
}

uv_buf_t to_buffer(std::span<const std::byte> bytes) {
  // uv_buf_t has no constant form; libuv only reads what it writes to a socket.
  auto* data = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  return uv_buf_init(data, static_cast<unsigned>(bytes.size()));
}

// What could not be sent at once, with libuv's request for it.
struct Unsent {
  uv_write_t request{};
  std::vector<std::byte> bytes;
  std::vector<std::byte> later;  // that deadlines have brought meanwhile
  After after = After::keep_open;
};

template <protocol::Session Session>
class Loop {
 public:
  Loop(app::ShardContext& context, unsigned worker)
      : context_(context),
        listener_(context.listeners[worker].get()),
        counters_(context.counters[worker]),
        acceptor_(listener_, context.socket, os::Blocking::no, counters_),
        service_(app::make_service<Session>(context, counters_)),
        sweep_(context.websocket.times),
        watch_(context.pauses.meter_of(worker)),
        read_buffer_(context.read_buffer_bytes) {}

  // Runs on the calling thread until the shard is to stop.
  os::Result<void> run() {
    if (auto made = to_result(uv_loop_init(&loop_), "uv_loop_init"); !made) return made;
    loop_.data = this;
    const os::Result<void> started = start();
    if (!started) stop();
    uv_run(&loop_, UV_RUN_DEFAULT);
    C1M_ASSERT(uv_loop_close(&loop_) == 0, "every handle was closed");
    return started ? result_ : started;
  }

 private:
  struct Connection {
    uv_tcp_t handle{};
    std::unique_ptr<Unsent> unsent;
    [[no_unique_address]] Session session;
    std::uint32_t place = 0;  // in the table, for sessions that keep time
  };

  static Loop& loop_of(const void* handle) {
    return *static_cast<Loop*>(static_cast<const uv_handle_t*>(handle)->loop->data);
  }
  template <class Handle>
  static Connection& connection_of(Handle* handle) {
    return *static_cast<Connection*>(handle->data);
  }
  static uv_stream_t* stream_of(Connection& connection) {
    return reinterpret_cast<uv_stream_t*>(&connection.handle);
  }

  os::Result<void> start() {
    auto done = to_result(uv_timer_init(&loop_, &accept_pause_), "uv_timer_init");
    if (done)
      done = to_result(uv_poll_init(&loop_, &stop_, context_.stop_descriptor), "uv_poll_init");
    if (done) done = to_result(uv_poll_start(&stop_, UV_READABLE, on_stop), "uv_poll_start");
    if (done) done = to_result(uv_poll_init(&loop_, &acceptable_, listener_), "uv_poll_init");
    if (done) done = watch_listener();
    if (done) done = to_result(watch_.start(&loop_), "uv_timer_start");
    if constexpr (Session::keeps_time) {
      if (done) done = to_result(uv_timer_init(&loop_, &sweep_timer_), "uv_timer_init");
      if (done) schedule_sweep();
    }
    return done;
  }

  os::Result<void> watch_listener() {
    return to_result(uv_poll_start(&acceptable_, UV_READABLE, on_acceptable), "uv_poll_start");
  }

  // Closes every handle; the loop ends when the last callback has run.
  void stop() {
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) {
          if (uv_is_closing(handle) != 0) return;
          if (handle->type == UV_TCP) {
            loop_of(handle).say_goodbye(connection_of(handle));
          } else {
            uv_close(handle, nullptr);
          }
        },
        nullptr);
  }

  // The last frame, if the kernel takes it at once. What is still to be read is read, for closing a
  // socket with unread bytes resets it, and the frame could be lost.
  void say_goodbye(Connection& connection) {
    if constexpr (Session::keeps_time) {
      const protocol::Reply reply = connection.session.stop(service_, app::session_now<Session>());
      if (!connection.unsent) (void)send(connection, reply.bytes);
      if (const int fd = descriptor_of(connection); fd >= 0) {
        (void)os::shut_down_write(fd);
        constexpr int reads_max = 16;
        for (int reads = 0; reads < reads_max; ++reads) {
          const auto got = os::read_some(fd, read_buffer_);
          if (!got || *got == 0) break;
        }
      }
    }
    close(connection);
  }

  static int descriptor_of(const Connection& connection) {
    uv_os_fd_t fd = -1;
    const auto* handle = reinterpret_cast<const uv_handle_t*>(&connection.handle);
    return uv_fileno(handle, &fd) == 0 ? fd : -1;
  }

  void schedule_sweep() {
    // Rounded up, so that the slice is due when the timer fires.
    const auto wait_ms = sweep_.wait_ns(os::monotonic_ns()) / os::ns_per_ms + 1;
    uv_timer_start(&sweep_timer_, on_sweep, static_cast<std::uint64_t>(wait_ms), 0);
  }

  static void on_sweep(uv_timer_t* timer) {
    Loop& loop = loop_of(timer);
    loop.sweep();
    loop.schedule_sweep();
  }

  // Tells the sessions whose time has come. From the end, for one that is closed leaves its place
  // to the last of the table, which has been looked at or is not in the slice.
  void sweep() {
    const auto slice = sweep_.due(table_.size(), os::monotonic_ns());
    const protocol::Milliseconds now_ms = app::session_now<Session>();
    for (std::size_t place = slice.end; place > slice.begin; --place) {
      Connection& connection = *table_[place - 1];
      const auto deadline = connection.session.deadline(service_);
      if (deadline && protocol::has_come(*deadline, now_ms))
        deliver(connection, connection.session.expire(service_, now_ms));
    }
  }

  void enter(Connection& connection) {
    if constexpr (Session::keeps_time) {
      connection.place = static_cast<std::uint32_t>(table_.size());
      table_.push_back(&connection);
    }
    connection.session.begin(service_, app::session_now<Session>());
  }

  void leave(Connection& connection) {
    if constexpr (Session::keeps_time) {
      table_[connection.place] = table_.back();
      table_[connection.place]->place = connection.place;
      table_.pop_back();
    }
    connection.session.end(service_);
  }

  static void on_stop(uv_poll_t* poll, int, int) { loop_of(poll).stop(); }

  // libuv reports an error here when its own epoll fails; a shard cannot go on without its
  // listener.
  static void on_acceptable(uv_poll_t* poll, int status, int) {
    Loop& loop = loop_of(poll);
    if (status < 0) {
      loop.result_ = to_result(status, "uv_poll");
      loop.stop();
      return;
    }
    const auto outcome = loop.acceptor_.accept_batch(
        [&loop](os::Descriptor socket) { loop.adopt(std::move(socket)); });
    if (outcome == app::Acceptor::Outcome::wait) return;
    // Readable all the while, it would make every turn of the loop return at once.
    uv_poll_stop(&loop.acceptable_);
    uv_timer_start(&loop.accept_pause_, on_pause_over, app::accept_pause_ns / os::ns_per_ms, 0);
  }

  static void on_pause_over(uv_timer_t* timer) {
    Loop& loop = loop_of(timer);
    if (const auto watched = loop.watch_listener(); !watched) {
      loop.result_ = watched;
      loop.stop();
    }
  }

  void adopt(os::Descriptor socket) {
    auto connection = std::make_unique<Connection>();
    uv_tcp_init(&loop_, &connection->handle);
    connection->handle.data = connection.get();
    Connection& opened = *connection.release();  // on_closed() deletes it
    enter(opened);
    int code = uv_tcp_open(&opened.handle, socket.get());
    if (code == 0) {
      std::ignore = socket.release();  // uv_close() closes it
      code = uv_read_start(stream_of(opened), on_buffer_wanted, on_read);
    }
    if (code == 0) return;
    app::WorkerCounters::add(counters_.accept_errors, 1);
    close(opened);
  }

  static void on_buffer_wanted(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    *buffer = to_buffer(loop_of(handle).read_buffer_);
  }

  static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t*) {
    Loop& loop = loop_of(stream);
    Connection& connection = connection_of(stream);
    if (got == 0) return;  // EAGAIN
    if (got > 0) {
      loop.answer(connection, static_cast<std::size_t>(got));
    } else if (got == UV_EOF) {
      loop.close(connection);
    } else {
      loop.fail(connection);
    }
  }

  void answer(Connection& connection, std::size_t received) {
    counters_.count_read(received);
    deliver(connection,
            connection.session.receive(service_, std::span(read_buffer_).first(received),
                                       app::session_now<Session>()));
  }

  // Sends a reply, or as much as the kernel takes; the rest waits.
  void deliver(Connection& connection, const protocol::Reply& reply) {
    if (connection.unsent) {
      append(connection, reply);
      return;
    }
    const auto sent = send(connection, reply.bytes);
    if (!sent) {
      fail(connection);
    } else if (*sent < reply.bytes.size()) {
      send_later(connection, reply.bytes.subspan(*sent), reply.after);
    } else {
      follow_up(connection, reply.after);
    }
  }

  // What a deadline brings while the peer does not take what was sent before.
  void append(Connection& connection, const protocol::Reply& reply) {
    Unsent& unsent = *connection.unsent;
    unsent.later.insert(unsent.later.end(), reply.bytes.begin(), reply.bytes.end());
    if (reply.after == After::close) {
      close(connection);
    } else if (reply.after == After::finish) {
      unsent.after = reply.after;
    }
  }

  void follow_up(Connection& connection, After after) {
    if (after == After::close) close(connection);
    // A failure means that the peer has gone, which the next read tells.
    if (after == After::finish) (void)os::shut_down_write(descriptor_of(connection));
  }

  // How much the kernel took, which is nothing when its buffer is full.
  os::Result<std::size_t> send(Connection& connection, std::span<const std::byte> bytes) {
    if (bytes.empty()) return 0;
    const uv_buf_t buffer = to_buffer(bytes);
    const int taken = uv_try_write(stream_of(connection), &buffer, 1);
    if (taken == UV_EAGAIN) return 0;
    if (taken < 0) return os::fail(-taken, "uv_try_write");
    counters_.count_write(static_cast<std::size_t>(taken));
    return static_cast<std::size_t>(taken);
  }

  // The connection is not read until the rest is sent, so the peer feels the back-pressure.
  void send_later(Connection& connection, std::span<const std::byte> rest, After after) {
    uv_read_stop(stream_of(connection));
    connection.unsent = std::make_unique<Unsent>();
    Unsent& unsent = *connection.unsent;
    unsent.bytes.assign(rest.begin(), rest.end());
    unsent.after = after;
    unsent.request.data = &connection;
    const uv_buf_t buffer = to_buffer(unsent.bytes);
    if (uv_write(&unsent.request, stream_of(connection), &buffer, 1, on_written) < 0) {
      fail(connection);
    }
  }

  static void on_written(uv_write_t* request, int status) {
    Connection& connection = connection_of(request);
    Loop& loop = loop_of(&connection.handle);
    if (status == UV_ECANCELED) return;  // closing
    if (status < 0) {
      loop.fail(connection);
      return;
    }
    loop.counters_.count_write(connection.unsent->bytes.size());
    const std::unique_ptr<Unsent> done = std::move(connection.unsent);
    if (!done->later.empty()) {
      loop.send_later(connection, done->later, done->after);
      return;
    }
    if (done->after == After::close) {
      loop.close(connection);
      return;
    }
    loop.follow_up(connection, done->after);
    if (uv_read_start(stream_of(connection), on_buffer_wanted, on_read) < 0) loop.fail(connection);
  }

  // A reset and the like: the peer's doing, not the server's failure.
  void fail(Connection& connection) {
    app::WorkerCounters::add(counters_.connection_errors, 1);
    close(connection);
  }

  void close(Connection& connection) {
    auto* handle = reinterpret_cast<uv_handle_t*>(&connection.handle);
    if (uv_is_closing(handle) != 0) return;
    app::WorkerCounters::add(counters_.connections_closed, 1);
    leave(connection);
    uv_close(handle, on_closed);
  }

  static void on_closed(uv_handle_t* handle) {
    const std::unique_ptr<Connection> last_owner(&connection_of(handle));
  }

  app::ShardContext& context_;
  int listener_;
  app::WorkerCounters& counters_;
  app::Acceptor acceptor_;
  Session::Service service_;
  app::SessionSweep sweep_;
  LoopWatch watch_;
  std::vector<Connection*> table_;  // of sessions that keep time
  std::vector<std::byte> read_buffer_;
  os::Result<void> result_;
  uv_loop_t loop_{};
  uv_poll_t stop_{};
  uv_poll_t acceptable_{};
  uv_timer_t accept_pause_{};
  uv_timer_t sweep_timer_{};  // initialized only for sessions that keep time
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  return app::run_workers(context.processors, [&context](unsigned worker) {
    if (context.protocol == app::ProtocolChoice::ws)
      return Loop<protocol::WebSocketSession>(context, worker).run();
    return Loop<protocol::EchoSession>(context, worker).run();
  });
}

}  // namespace c1m::servers::uv
