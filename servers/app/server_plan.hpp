// How many shards a server has and what each gets: port, CPUs, room for connections. Decides before
// anything is started whether the limits of the machine allow what was asked for. Threads: pure
// functions. Not here: starting shards (shard_group.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "os/cpu_set.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "servers/app/server_flags.hpp"

namespace c1m::servers::app {

struct MachineLimits {
  std::uint64_t descriptors = 0;  // RLIMIT_NOFILE of a process, as far as it can be raised
  os::CpuSet cpus;                // that this process may use
  // For a thread a connection; empty where the kernel does not say.
  std::optional<std::uint64_t> mappings;  // vm.max_map_count, of a process
  std::optional<std::uint64_t> threads;   // kernel.threads-max, of the machine
  std::optional<std::uint64_t> pids;      // kernel.pid_max: every thread has a number
};

// Raises the soft limit of descriptors to the hard one, which shards inherit, and reads the rest.
[[nodiscard]] os::Result<MachineLimits> claim_machine_limits();

struct ShardPlan {
  unsigned index = 0;
  os::Endpoint endpoint;
  std::optional<os::CpuSet> cpus;
  std::uint64_t connections = 0;
  std::uint64_t freeze_above_bytes = 0;  // its share of FreezeSettings::above_bytes
};

// An exit code and a sentence for the user.
struct Refusal {
  int exit_code = 0;
  std::string text;
};

// Exit code 4 when a limit of the machine stands in the way (named, with its value and remedy), 2
// when the flags contradict each other or the machine (ports above 65535, a CPU that is not there).
std::expected<std::vector<ShardPlan>, Refusal> plan_shards(const Backend& backend,
                                                           const ServerOptions& options,
                                                           const MachineLimits& limits);

}  // namespace c1m::servers::app
