// A shard's own process, from the fork to its end: listen, report to the supervisor, serve until
// SIGTERM. Invariants: SIGINT is ignored, for a terminal sends it to the whole group and the
// supervisor decides; no descriptor of the supervisor stays open here. Threads: runs in the only
// thread of a freshly forked process. Not here: the supervisor's side (shard_group.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "os/descriptor.hpp"
#include "servers/app/backend.hpp"
#include "servers/app/server_flags.hpp"
#include "servers/app/server_plan.hpp"

namespace c1m::servers::app {

// What a shard writes into its pipe, once: it listens, or why it cannot. Small enough for one
// atomic write to a pipe.
struct ShardReport {
  std::int32_t exit_code = 0;       // 0: it listens
  std::uint16_t port = 0;           // that it listens on
  std::array<char, 250> message{};  // a sentence, ending in NUL, when exit_code is not 0
};

// Returns the shard's exit code.
int run_shard(const Backend& backend, const ServerOptions& options, const ShardPlan& plan,
              std::span<WorkerCounters> counters, const PauseBoard& pauses,
              const os::Descriptor& report);

// One listening socket, or several on one port; the sentence of an error names the port and what to
// do.
std::expected<std::vector<os::Descriptor>, Refusal> open_listeners(
    const os::Endpoint& endpoint, unsigned count, const os::SocketOptions& options);

}  // namespace c1m::servers::app
