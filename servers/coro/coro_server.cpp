// One coroutine accepts, one waits for the stop, and each connection has one that reads, answers
// and ends with it. Invariants: everything that a coroutine refers to outlives Runtime::run(),
// which returns after the last of them; while a connection's coroutine waits, nothing of it is
// reached from outside: its stack may be a compact or a frozen one. What it reads into and sends
// from is on the heap.
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
#include "protocol/websocket_session.hpp"
#include "runtime/pollable.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/yield.hpp"
#include "servers/app/acceptor.hpp"
#include "servers/app/session_time.hpp"
#include "servers/coro/heartbeats.hpp"
#include "servers/coro/spare_buffer.hpp"

namespace c1m::servers::coro {
namespace {

// A slot costs a page whether few or many coroutines share it, and a shard has some 19,000
// connections where the limit of descriptors is 20,000: with the runtime's 1,024 slots that page
// would be most of what a connection costs.
constexpr std::size_t compact_slots = 256;

// What a share of the connections uses: as many lanes as processors, so that these seldom meet in
// one.
template <protocol::Session Session>
struct Lane {
  Lane(const app::ShardContext& context, app::WorkerCounters& lane_counters)
      : counters(lane_counters),
        spare(context.read_buffer_bytes),
        service(app::make_service<Session>(context, lane_counters)),
        times(context.websocket.times) {}

  app::WorkerCounters& counters;
  SpareBuffer spare;
  Session::Service service;
  const protocol::TimeLimits& times;
};

template <protocol::Session Session>
class Connection {
 public:
  Connection(runtime::TcpStream stream, Lane<Session>& lane)
      : stream_(std::move(stream)), lane_(&lane) {}

  // Answers until the peer closes, an error, a deadline of the session, or the runtime's stop.
  void serve() {
    begin();
    while (serve_once()) {
    }
    end();
  }

 private:
  // Waits, reads, answers. False when the connection is to be closed. An idle connection waits in
  // this frame, so what is not needed for that is done in others.
  bool serve_once() {
    const auto waited = stream_.wait_readable();
    return waited ? answer() : ends_with(waited.error());
  }

  [[gnu::noinline]] void begin() {
    session_.begin(lane_->service, now_ms());
    set_deadlines();
  }

  [[gnu::noinline]] void end() {
    session_.end(lane_->service);
    stream_.close();
    app::WorkerCounters::add(lane_->counters.connections_closed, 1);
  }

  [[gnu::noinline]] bool answer() {
    SpareBuffer::Buffer buffer = lane_->spare.take();
    const os::Result<bool> open = answer(std::span(buffer.get(), lane_->spare.buffer_bytes()));
    lane_->spare.give_back(std::move(buffer));
    return open ? *open : ends_with(open.error());
  }

  // Whether it goes on after all: a wait that a deadline has ended.
  [[gnu::noinline]] bool ends_with(const os::Error& error) {
    if constexpr (Session::keeps_time) {
      if (error.code == ECANCELED) say_goodbye();
      if (error.code == ETIMEDOUT && !is_stalled_) return keep_time();
    }
    if (error.code != ECANCELED) app::WorkerCounters::add(lane_->counters.connection_errors, 1);
    return false;
  }

  os::Result<bool> answer(std::span<std::byte> buffer) {
    const auto got = stream_.try_read(buffer);
    if (!got)
      return os::would_block(got.error()) ? os::Result<bool>(true) : std::unexpected(got.error());
    if (*got == 0) return false;
    lane_->counters.count_read(*got);
    const protocol::Reply reply = session_.receive(lane_->service, buffer.first(*got), now_ms());
    auto open = deliver(reply);
    if constexpr (Session::keeps_time) {
      // A deadline that has moved away is met too early once, which costs less than moving it.
      const auto deadline = session_.deadline(lane_->service);
      if (open && deadline && !protocol::has_come(armed_ms_, *deadline)) set_deadlines();
    }
    return open;
  }

  os::Result<bool> deliver(const protocol::Reply& reply) {
    if (!reply.bytes.empty()) {
      // Parks until the kernel has taken all of it, so the peer feels the back-pressure.
      const auto sent = stream_.write(reply.bytes);
      if (!sent) {
        is_stalled_ = true;
        return std::unexpected(sent.error());
      }
      lane_->counters.count_write(*sent);
    }
    // A failure means that the peer has gone, which the next read tells.
    if (reply.after == protocol::After::finish) (void)stream_.shut_down_write();
    return reply.after != protocol::After::close;
  }

  static protocol::Milliseconds now_ms() {
    if constexpr (Session::keeps_time) {
      return app::to_session_ms(runtime::now_ns());
    } else {
      return 0;
    }
  }

  // Does what is due; false when the connection is to be closed.
  bool keep_time() {
    const auto open = deliver(session_.expire(lane_->service, now_ms()));
    if (!open) return ends_with(open.error());
    if (*open) set_deadlines();
    return *open;
  }

  // Reads wait until the session's deadline, writes as long as two pings may stay unanswered: a
  // peer that takes nothing for so long is gone.
  void set_deadlines() {
    if constexpr (Session::keeps_time) {
      const os::Nanoseconds now_ns = runtime::now_ns();
      const auto deadline = session_.deadline(lane_->service);
      os::Nanoseconds read_ns = runtime::no_deadline;
      armed_ms_ = app::to_session_ms(now_ns) + never_ms;
      if (deadline) {
        const auto left_ms = static_cast<std::int32_t>(*deadline - app::to_session_ms(now_ns));
        armed_ms_ = *deadline;
        // A millisecond later, so that it has come by then.
        read_ns = now_ns + (os::Nanoseconds{left_ms} + 1) * os::ns_per_ms;
      }
      stream_.set_read_deadline(read_ns);
      const protocol::TimeLimits& times = lane_->times;
      if (times.ping_interval_ms > 0) {
        const os::Nanoseconds stall_ms =
            2 * os::Nanoseconds{times.ping_interval_ms + times.pong_ms};
        stream_.set_write_deadline(now_ns + stall_ms * os::ns_per_ms);
      }
    }
  }

  // Last words, without waiting. What is still to be read is read, for closing a socket with unread
  // bytes resets it, and the words could be lost.
  void say_goodbye() {
    const protocol::Reply reply = session_.stop(lane_->service, now_ms());
    if (is_stalled_) return;  // in the middle of a frame
    if (!reply.bytes.empty()) (void)stream_.try_write(reply.bytes);
    (void)stream_.shut_down_write();
    SpareBuffer::Buffer buffer = lane_->spare.take();
    constexpr int reads_max = 16;
    for (int reads = 0; reads < reads_max; ++reads) {
      const auto got = stream_.try_read(std::span(buffer.get(), lane_->spare.buffer_bytes()));
      if (!got || *got == 0) break;
    }
    lane_->spare.give_back(std::move(buffer));
  }

  static constexpr protocol::Milliseconds never_ms = 1U << 30;  // twelve days; looked at again then

  runtime::TcpStream stream_;
  Lane<Session>* lane_;
  [[no_unique_address]] Session session_;
  protocol::Milliseconds armed_ms_ = 0;  // when a read's wait ends
  bool is_stalled_ = false;              // a write has failed or was cut short
};

// Of connections' coroutines, into whose frames nobody reaches while they wait.
runtime::StackPolicy policy_of(const app::ShardContext& context) {
  if (context.stacks == app::StackChoice::compact) return runtime::StackPolicy::compact;
  return context.freeze.is_on() ? runtime::StackPolicy::freezable : runtime::StackPolicy::dedicated;
}

runtime::FreezePolicy freeze_policy_of(const app::FreezeSettings& settings) {
  runtime::FreezePolicy policy{.idle_ns = settings.idle_ns,
                               .when = runtime::FreezeWhen::pressure,
                               .resident_bytes = settings.above_bytes};
  if (settings.when == app::FreezeChoice::always) policy.when = runtime::FreezeWhen::always;
  if (settings.when == app::FreezeChoice::above) policy.when = runtime::FreezeWhen::above;
  return policy;
}

template <protocol::Session Session>
class Server {
 public:
  Server(app::ShardContext& context, runtime::Runtime& runtime)
      : shard_(context), runtime_(runtime), stack_(policy_of(context)) {
    for (app::WorkerCounters& counters : context.counters) lanes_.emplace_back(context, counters);
    next_lane_ = lanes_.begin();
  }

  os::Result<void> run() {
    os::Result<void> served;
    const auto ran = runtime_.run([this, &served] {
      served = watch_for_stop();
      if (served) served = start_heartbeats(runtime_, shard_);
      if (served && stack_ != runtime::StackPolicy::dedicated) served = publish_copies();
      if (served) served = accept_until_stop();
      // After an error the coroutine that waits for the stop must end as well.
      runtime_.stop();
    });
    publish_delays(runtime_, shard_);
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
    return runtime::spawn([this, watched = std::move(*stop)] mutable {
      (void)watched.wait_readable();
      runtime_.stop();
    });
  }

  // The runtime counts for itself; the supervisor reads the shard's counters.
  os::Result<void> publish_copies() {
    return runtime::spawn([this] {
      do {
        const runtime::RuntimeStatistics now = runtime_.statistics();
        app::WorkerCounters& counters = shard_.counters.front();
        const auto publish = [](app::WorkerCounters::Count& count, std::uint64_t value) {
          count.store(value, std::memory_order_relaxed);
        };
        publish(counters.frames_frozen, now.copies_out);
        publish(counters.stacks_frozen, now.stacks_frozen);
        publish(counters.stack_freezes, now.stack_freezes);
        publish(counters.stack_thaws, now.stack_thaws);
        publish(counters.stack_bytes_released, now.stack_bytes_released);
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
        [connection = Connection<Session>(std::move(stream), lane)] mutable { connection.serve(); },
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
  std::list<Lane<Session>>::iterator next_lane_;
  bool limit_named_ = false;
};

}  // namespace

os::Result<void> serve(app::ShardContext& context) {
  const bool on_ring = context.poller == app::PollerChoice::io_uring;
  auto runtime = runtime::Runtime::create(
      {.processors = context.processors,
       .stack_bytes = context.coroutine_stack_bytes,
       .compact_slots = compact_slots,
       .poller = on_ring ? runtime::Poller::io_uring : runtime::Poller::epoll,
       .freeze = freeze_policy_of(context.freeze)});
  if (!runtime) return std::unexpected(runtime.error());
  if (context.protocol == app::ProtocolChoice::ws)
    return Server<protocol::WebSocketSession>(context, **runtime).run();
  return Server<protocol::EchoSession>(context, **runtime).run();
}

}  // namespace c1m::servers::coro
