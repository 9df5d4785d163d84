// The command line of the four servers: one set of flags, checked, with one sentence for each
// error. Threads: called once, before any thread. Not here: limits of the machine
// (server_plan.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "os/clock.hpp"
#include "os/cpu_set.hpp"
#include "os/socket.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::app {

struct ServerOptions {
  std::string listen_text;  // as given
  os::Endpoint listen;      // shard i listens on this port + i; port 0: the kernel chooses
  std::optional<std::uint32_t> shards = 1;  // empty: as few as the limits allow
  std::uint64_t connections = 10'000;
  ProtocolChoice protocol = ProtocolChoice::echo;
  protocol::WebSocketSettings websocket;
  unsigned processors = 1;
  std::optional<os::CpuSet> cpus;
  std::optional<std::string> ready_file;
  std::optional<std::string> stats_file;
  os::Nanoseconds stats_interval_ns = os::ns_per_s;
  std::optional<os::Endpoint> admin;
  std::optional<std::string> pauses_file;
  os::Nanoseconds pause_tick_ns = os::ns_per_ms;
  std::size_t read_buffer_bytes = 4096;
  int send_buffer_bytes = 0;     // 0: the kernel's autotuning
  int receive_buffer_bytes = 0;  // likewise
  std::size_t thread_stack_bytes = 64 * 1024;
  std::size_t coroutine_stack_bytes = 64 * 1024;
  PollerChoice poller = PollerChoice::epoll;
  StackChoice stacks = StackChoice::dedicated;
  FreezeSettings freeze;  // above_bytes for all shards together
};

// Why the program ends before it has begun: --help and --version (code 0, for stdout), or a usage
// error (code 2, one sentence for stderr that names the flag, the value and what is allowed).
struct EarlyExit {
  int exit_code = 0;
  std::string text;
};

std::expected<ServerOptions, EarlyExit> parse_server_flags(const Backend& backend, int argc,
                                                           const char* const* argv);

}  // namespace c1m::servers::app
