// The time that sessions are told, and the services that a worker's sessions share. Threads: any.
// Not here: when to look at sessions' deadlines (session_sweep.hpp).
#pragma once

#include <type_traits>

#include "os/clock.hpp"
#include "protocol/session.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::app {

[[nodiscard]] constexpr protocol::Milliseconds to_session_ms(os::Nanoseconds monotonic_ns) {
  return static_cast<protocol::Milliseconds>(monotonic_ns / os::ns_per_ms);
}

// Up to a tick (10 ms) late, which timeouts of seconds do not feel; 0 for sessions that keep none.
template <protocol::Session Session>
[[nodiscard]] protocol::Milliseconds session_now() {
  if constexpr (Session::keeps_time) {
    return to_session_ms(os::coarse_monotonic_ns());
  } else {
    return 0;
  }
}

// The service of a worker whose sessions count in `counters`. `context` must outlive it.
template <protocol::Session Session>
[[nodiscard]] Session::Service make_service(const ShardContext& context, WorkerCounters& counters) {
  using Service = Session::Service;
  if constexpr (std::is_same_v<Service, protocol::WebSocketService>) {
    return Service(context.websocket, counters.websocket);
  } else {
    return Service{};
  }
}

}  // namespace c1m::servers::app
