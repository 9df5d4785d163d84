// What a backend is to the rest of a server: a name, the settings that it has, and the function
// that serves a shard's connections. Invariant: everything that all four share (sockets, options,
// counters, sessions) comes from here, so that they differ only in how a connection waits. Threads:
// constants and a shard's own data. Not here: processes (shard_group.hpp) and flags
// (server_flags.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "protocol/websocket_service.hpp"
#include "servers/app/shard_pauses.hpp"
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {

// What is spoken with clients.
enum class ProtocolChoice : std::uint8_t { echo, ws };
[[nodiscard]] constexpr std::string_view name_of(ProtocolChoice protocol) {
  return protocol == ProtocolChoice::echo ? "echo" : "ws";
}

// How a backend that has a choice (Backend::has_pollers) learns what is ready.
enum class PollerChoice : std::uint8_t { epoll, io_uring };
[[nodiscard]] constexpr std::string_view name_of(PollerChoice poller) {
  return poller == PollerChoice::epoll ? "epoll" : "io_uring";
}

// Where the frames of waiting coroutines are, in a backend that has some (Backend::has_coroutines):
// on a stack of each one's own, or copied out of stacks that they share.
enum class StackChoice : std::uint8_t { dedicated, compact };
[[nodiscard]] constexpr std::string_view name_of(StackChoice stacks) {
  return stacks == StackChoice::dedicated ? "dedicated" : "compact";
}

// What has to be the case, beside idleness, for a connection's own stack to be frozen: its frames
// copied to the heap and its pages given back.
enum class FreezeChoice : std::uint8_t { pressure, above, always };
[[nodiscard]] constexpr std::string_view name_of(FreezeChoice when) {
  if (when == FreezeChoice::above) return "above";
  return when == FreezeChoice::pressure ? "pressure" : "always";
}

// Of resident memory of one shard: less has every process.
inline constexpr std::uint64_t freeze_above_bytes_min = 1 << 20;

struct FreezeSettings {
  os::Nanoseconds idle_ns = 0;  // of a connection; 0: none is ever frozen
  FreezeChoice when = FreezeChoice::pressure;
  std::uint64_t above_bytes = 0;  // of resident memory, for FreezeChoice::above

  [[nodiscard]] constexpr bool is_on() const { return idle_ns > 0; }
};

// What a shard has to serve with, in its own process.
struct ShardContext {
  unsigned index = 0;
  // Non-blocking, listening; one, or one for each processor (Backend::listener_per_processor). They
  // share a port.
  std::vector<os::Descriptor> listeners;
  // Readable from the moment that the shard is to stop, and for ever; nobody reads it.
  int stop_descriptor = -1;
  // One for each worker; at least one. A backend without workers spreads its connections over them.
  std::span<WorkerCounters> counters;

  ProtocolChoice protocol = ProtocolChoice::echo;
  protocol::WebSocketSettings websocket;  // where that is spoken
  unsigned processors = 1;
  std::uint64_t connections = 0;  // that the shard is sized for
  os::SocketOptions socket;
  std::size_t read_buffer_bytes = 0;
  std::size_t thread_stack_bytes = 0;
  std::size_t coroutine_stack_bytes = 0;
  PollerChoice poller = PollerChoice::epoll;
  StackChoice stacks = StackChoice::dedicated;
  FreezeSettings freeze;
  // How often counters are read that the shard publishes by itself.
  os::Nanoseconds stats_interval_ns = os::ns_per_s;
  PauseBoard pauses;
};

struct Backend {
  std::string_view name;     // "uv"
  std::string_view program;  // "c1m-uv"
  std::string_view summary;  // for --help, one sentence
  bool has_processors = false;
  bool listener_per_processor = false;
  bool thread_per_connection = false;  // so that limits on threads bind, and --thread-stack exists
  bool has_coroutines = false;         // so that --coroutine-stack, --stacks and --freeze-* exist
  bool has_compact_stacks = false;     // or dedicated ones run whatever --stacks says; none frozen
  bool has_pollers = false;            // so that --poller exists
  // Why the turns of its loops are not measured; empty: they are.
  std::string_view turns_unavailable = {};
  // Serves until the stop descriptor is readable, then closes every connection, frees everything
  // and returns. An error means that the shard could not go on.
  os::Result<void> (*serve)(ShardContext& context) = nullptr;

  // What runs when `asked` was asked for.
  [[nodiscard]] constexpr StackChoice stacks_in_use(StackChoice asked) const {
    return has_compact_stacks ? asked : StackChoice::dedicated;
  }
};

}  // namespace c1m::servers::app
