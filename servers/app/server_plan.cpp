// Judging the wanted connections against the limits; see server_plan.hpp.
#include "servers/app/server_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "os/exit_code.hpp"
#include "os/file.hpp"
#include "os/limits.hpp"

namespace c1m::servers::app {
namespace {

// A thread's stack is one mapping and its guard page another. A process without them has some
// hundred mappings.
constexpr std::uint64_t mappings_per_thread = 2;
constexpr std::uint64_t reserved_mappings = 512;
// Threads that the rest of the machine has and needs.
constexpr std::uint64_t reserved_threads = 1024;

std::optional<std::uint64_t> read_number(const std::string& path) {
  const auto value = os::read_number(path);
  return value ? std::optional(*value) : std::nullopt;
}

// The most connections that a limit allows, and the words for it.
struct Bound {
  std::uint64_t connections = 0;
  std::string limit;   // "RLIMIT_NOFILE is 20000 descriptors a process"
  std::string remedy;  // "raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service)"
};

std::uint64_t above(std::uint64_t value, std::uint64_t reserve) {
  return value > reserve ? value - reserve : 0;
}

Bound shard_bound(const Backend& backend, const MachineLimits& limits) {
  Bound bound{.connections = above(limits.descriptors, os::reserved_descriptors),
              .limit = fmt::format("RLIMIT_NOFILE is {} descriptors a process", limits.descriptors),
              .remedy = "raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service)"};
  if (!backend.thread_per_connection || !limits.mappings) return bound;
  const std::uint64_t threads = above(*limits.mappings, reserved_mappings) / mappings_per_thread;
  if (threads >= bound.connections) return bound;
  return {.connections = threads,
          .limit = fmt::format(
              "vm.max_map_count is {} mappings a process, and a thread's stack takes {}",
              *limits.mappings, mappings_per_thread),
          .remedy = "raise it (sysctl -w vm.max_map_count=1048576)"};
}

// What all shards together may have.
std::optional<Bound> machine_bound(const Backend& backend, const MachineLimits& limits) {
  if (!backend.thread_per_connection) return std::nullopt;
  std::optional<Bound> bound;
  const auto consider = [&bound](std::optional<std::uint64_t> limit, const char* name) {
    if (!limit) return;
    const std::uint64_t threads = above(*limit, reserved_threads);
    if (bound && bound->connections <= threads) return;
    bound = Bound{.connections = threads,
                  .limit = fmt::format("{} is {}, and every connection is a thread", name, *limit),
                  .remedy = fmt::format("raise it (sysctl -w {}=4194304)", name)};
  };
  consider(limits.threads, "kernel.threads-max");
  consider(limits.pids, "kernel.pid_max");
  return bound;
}

std::unexpected<Refusal> refuse_connections(std::uint64_t wanted, std::uint64_t allowed,
                                            const Bound& bound, const std::string& remedy) {
  return std::unexpected(
      Refusal{.exit_code = os::exit_machine_limit,
              .text = fmt::format("--connections {}: {}; that allows {} connections; {}", wanted,
                                  bound.limit, allowed, remedy)});
}

std::unexpected<Refusal> refuse_flags(std::string text) {
  return std::unexpected(Refusal{.exit_code = os::exit_wrong_usage, .text = std::move(text)});
}

std::uint64_t divided_up(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

std::expected<std::uint64_t, Refusal> count_shards(const Backend& backend,
                                                   const ServerOptions& options,
                                                   const MachineLimits& limits) {
  if (const auto bound = machine_bound(backend, limits);
      bound && options.connections > bound->connections) {
    return refuse_connections(options.connections, bound->connections, *bound, bound->remedy);
  }
  const Bound bound = shard_bound(backend, limits);
  if (bound.connections == 0)
    return refuse_connections(options.connections, 0, bound, bound.remedy);
  const std::uint64_t needed = divided_up(options.connections, bound.connections);
  if (!options.shards) return needed;
  if (needed <= *options.shards) return *options.shards;
  return refuse_connections(
      options.connections, bound.connections * *options.shards, bound,
      fmt::format("take --shards {} or --shards auto, or {}", needed, bound.remedy));
}

// With as many CPUs as shards or more, each shard has CPUs of its own; with fewer, shards share
// them in turn.
os::CpuSet cpus_of(const os::CpuSet& all, std::uint64_t index, std::uint64_t shards) {
  if (all.size() < shards) return {all[index % all.size()]};
  const auto edge = [&](std::uint64_t i) {
    return static_cast<std::ptrdiff_t>(i * all.size() / shards);
  };
  return {all.begin() + edge(index), all.begin() + edge(index + 1)};
}

}  // namespace

os::Result<MachineLimits> claim_machine_limits() {
  const auto descriptors = os::raise_descriptor_limit();
  if (!descriptors) return std::unexpected(descriptors.error());
  auto cpus = os::allowed_cpus();
  if (!cpus) return std::unexpected(cpus.error());
  return MachineLimits{.descriptors = *descriptors,
                       .cpus = std::move(*cpus),
                       .mappings = read_number("/proc/sys/vm/max_map_count"),
                       .threads = read_number("/proc/sys/kernel/threads-max"),
                       .pids = read_number("/proc/sys/kernel/pid_max")};
}

std::expected<std::vector<ShardPlan>, Refusal> plan_shards(const Backend& backend,
                                                           const ServerOptions& options,
                                                           const MachineLimits& limits) {
  for (const int cpu : options.cpus.value_or(os::CpuSet{})) {
    if (!std::ranges::binary_search(limits.cpus, cpu)) {
      return refuse_flags(fmt::format("--cpus: CPU {} is not one that this process may use ({})",
                                      cpu, os::format_cpu_list(limits.cpus)));
    }
  }
  const auto shards = count_shards(backend, options, limits);
  if (!shards) return std::unexpected(shards.error());
  constexpr std::uint64_t port_max = 65'535;
  const std::uint16_t port = options.listen.port();
  if (port != 0 && port + *shards - 1 > port_max) {
    return refuse_flags(
        fmt::format("--listen {}: {} shards need the ports {} to {}, and the last port is {}",
                    options.listen_text, *shards, port, port + *shards - 1, port_max));
  }
  if (options.freeze.when == FreezeChoice::above &&
      options.freeze.above_bytes / *shards < freeze_above_bytes_min) {
    return refuse_flags(
        fmt::format("--freeze-when: each of {} shards needs {} bytes or more of it, and has {}",
                    *shards, freeze_above_bytes_min, options.freeze.above_bytes / *shards));
  }
  std::vector<ShardPlan> plans;
  for (unsigned index = 0; index < *shards; ++index) {
    ShardPlan plan{.index = index,
                   .endpoint = options.listen,
                   .cpus = std::nullopt,
                   .connections = divided_up(options.connections, *shards),
                   .freeze_above_bytes = options.freeze.above_bytes / *shards};
    if (port != 0)
      plan.endpoint = options.listen.with_port(static_cast<std::uint16_t>(port + index));
    if (options.cpus) plan.cpus = cpus_of(*options.cpus, index, *shards);
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace c1m::servers::app
