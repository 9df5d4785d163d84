// One coroutine accepts, one waits for the stop, and each connection has one that reads, answers
// and ends with it. Invariants: everything that a coroutine refers to outlives Runtime::run(),
// which returns after the last of them; while a connection's coroutine waits, nothing of it is
// reached from outside: its stack may be a compact one. What it reads into and sends from is on the
// heap.
#include "servers/coro/coro_server.hpp"

#include <cstdint>
#include <cstdio>
#include <list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "protocol/echo_session.hpp"
#include "protocol/session.hpp"
#include "runtime/pollable.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/yield.hpp"
#include "servers/app/acceptor.hpp"
#include "servers/coro/spare_buffer.hpp"

namespace c1m::servers::coro {
namespace {

// What a share of the connections uses: as many lanes as processors, so that these seldom meet in
// one.
template <protocol::Session Session>
struct Lane {
  Lane(app::WorkerCounters& lane_counters, std::size_t read_buffer_bytes)
      : counters(lane_counters), spare(read_buffer_bytes) {}

  app::WorkerCounters& counters;
  SpareBuffer spare;
  typename Session::Service service;
};

template <protocol::Session Session>
class Connection {
 public:
  Connection(runtime::TcpStream stream, Lane<Session>& lane)
      : stream_(std::move(stream)), lane_(&lane) {}

  // Echoes until the peer closes, an error, or the runtime's stop.
  void serve() {
    while (serve_once()) {
    }
    stream_.close();
    app::WorkerCounters::add(lane_->counters.connections_closed, 1);
  }

 private:
  // Waits, reads, answers. False when the connection is to be closed. An idle connection waits in
  // this frame, so what is not needed for that is done in others.
  bool serve_once() {
    const auto waited = stream_.wait_readable();
    return waited ? answer() : ends_with(waited.error());
  }

  [[gnu::noinline]] bool answer() {
    SpareBuffer::Buffer buffer = lane_->spare.take();
    const os::Result<bool> open = answer(std::span(buffer.get(), lane_->spare.buffer_bytes()));
    lane_->spare.give_back(std::move(buffer));
    return open ? *open : ends_with(open.error());
  }

  [[gnu::noinline]] bool ends_with(const os::Error& error) {
    if (error.code != ECANCELED) app::WorkerCounters::add(lane_->counters.connection_errors, 1);
    return false;
  }

  os::Result<bool> answer(std::span<std::byte> buffer) {
    const auto got = stream_.try_read(buffer);
    if (!got)
      return os::would_block(got.error()) ? os::Result<bool>(true) : std::unexpected(got.error());
    if (*got == 0) return false;
    lane_->counters.count_read(*got);
    const protocol::Reply reply = session_.receive(lane_->service, buffer.first(*got), 0);
    if (!reply.bytes.empty()) {
      // Parks until the kernel has taken all of it, so the peer feels the back-pressure.
      const auto sent = stream_.write(reply.bytes);
      if (!sent) return std::unexpected(sent.error());
      lane_->counters.count_write(*sent);
    }
    return reply.after != protocol::After::close;
  }

  runtime::TcpStream stream_;
  Lane<Session>* lane_;
  [[no_unique_address]] Session session_;
};

template <protocol::Session Session>
class Server {
 public:
  Server(app::ShardContext& context, runtime::Runtime& runtime)
      : shard_(context),
        runtime_(runtime),
        stack_(context.stacks == app::StackChoice::compact ? runtime::StackPolicy::compact
                                                           : runtime::StackPolicy::dedicated) {
    for (app::WorkerCounters& counters : context.counters)
      lanes_.emplace_back(counters, context.read_buffer_bytes);
    next_lane_ = lanes_.begin();
  }

  os::Result<void> run() {
    os::Result<void> served;
    const auto ran = runtime_.run([this, &served] {
      served = watch_for_stop();
      if (served && stack_ == runtime::StackPolicy::compact) served = publish_copies();
      if (served) served = accept_until_stop();
      // After an error the coroutine that waits for the stop must end as well.
      runtime_.stop();
    });
    return ran ? served : ran;
  }

 private:
  // So that established connections get their turn between batches.
  static constexpr int batch_max = 64;

  os::Result<void> watch_for_stop() {
    // The runtime closes what it is given, and the shard keeps its own.
    auto copy = os::duplicate(shard_.stop_descriptor);
    if (!copy) return std::unexpected(copy.error());
    auto stop = runtime::Pollable::adopt(std::move(*copy));
    if (!stop) return std::unexpected(stop.error());
    // Nobody reads this descriptor, so what a read would have told is said: park until there is an
    // edge.
    stop->read_would_block();
    return runtime::spawn([this, watched = std::move(*stop)]() mutable {
      (void)watched.wait_readable();
      runtime_.stop();
    });
  }

  // The runtime counts for itself; the supervisor reads the shard's counters.
  os::Result<void> publish_copies() {
    return runtime::spawn([this] {
      do {
        shard_.counters.front().frames_frozen.store(runtime_.statistics().copies_out,
                                                    std::memory_order_relaxed);
      } while (runtime::sleep_for(shard_.stats_interval_ns));
    });
  }

  os::Result<void> accept_until_stop() {
    auto listener = runtime::TcpListener::adopt(std::move(shard_.listeners.front()), shard_.socket);
    if (!listener) return std::unexpected(listener.error());
    for (int accepted = 1;; ++accepted) {
      auto stream = listener->accept();
      if (stream) {
        start(std::move(*stream));
        if (accepted % batch_max == 0) runtime::yield();
      } else if (stream.error().code == ECANCELED) {
        return {};
      } else if (!app::is_about_one_connection(stream.error())) {
        app::WorkerCounters::add(next_lane_->counters.accept_errors, 1);
        (void)runtime::sleep_for(app::accept_pause_ns);
      }
    }
  }

  void start(runtime::TcpStream stream) {
    Lane<Session>& lane = *next_lane_;
    if (++next_lane_ == lanes_.end()) next_lane_ = lanes_.begin();
    app::WorkerCounters::add(lane.counters.connections_accepted, 1);
    const auto spawned = runtime::spawn(
        [connection = Connection<Session>(std::move(stream), lane)]() mutable {
          connection.serve();
        },
        {.stack = stack_});
    if (spawned) return;
    app::WorkerCounters::add(lane.counters.accept_errors, 1);
    app::WorkerCounters::add(lane.counters.connections_closed, 1);
    name_limit(spawned.error());
  }

  // Once: the next connection will most likely meet the same limit.
  void name_limit(const os::Error& error) {
    if (std::exchange(limit_named_, true)) return;
    fmt::print(stderr,
               "c1m-coro: shard {}: no coroutine for another connection: {}; such connections are "
               "closed and counted "
               "as accept_errors\n",
               shard_.index, os::describe(error));
  }

  app::ShardContext& shard_;
  runtime::Runtime& runtime_;
  const runtime::StackPolicy stack_;  // of connections' coroutines
  std::list<Lane<Session>> lanes_;    // a list, because lanes cannot move
  typename std::list<Lane<Session>>::iterator next_lane_;
  bool limit_named_ = false;
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  const bool on_ring = context.poller == app::PollerChoice::io_uring;
  auto runtime = runtime::Runtime::create(
      {.processors = context.processors,
       .stack_bytes = context.coroutine_stack_bytes,
       .poller = on_ring ? runtime::Poller::io_uring : runtime::Poller::epoll});
  if (!runtime) return std::unexpected(runtime.error());
  return Server<protocol::EchoSession>(context, **runtime).run();
}

}  // namespace c1m::servers::coro
