// Limits against plans; see load_limits.hpp.
#include "loadgen/load_limits.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "os/file.hpp"
#include "os/limits.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t default_port_count = 60'999 - 32'768 + 1;
// The supervisor's own for each shard: its pidfd, its wake event, its result pipe.
constexpr std::uint64_t supervisor_descriptors_per_shard = 3;

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{}) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> read_number(const char* path) {
  const auto text = os::read_file(path);
  return text ? leading_number(*text) : std::nullopt;
}

// /proc/sys/fs/file-nr: allocated, 0, maximum. The maximum does not bind root.
std::optional<std::uint64_t> read_files_left() {
  if (::geteuid() == 0) return std::nullopt;
  const auto allocated = read_number("/proc/sys/fs/file-nr");
  const auto most = read_number("/proc/sys/fs/file-max");
  if (!allocated || !most) return std::nullopt;
  return *most - std::min(*most, *allocated);
}

// The kernel's TCP_TIMEWAIT_LEN; with reuse it waits until the clock of whole seconds has moved on.
std::uint64_t time_wait_s(const LoadSettings& settings, const MachineLimits& limits) {
  const bool is_loopback = std::ranges::all_of(settings.targets, &os::Endpoint::is_loopback);
  const bool is_reused =
      limits.time_wait_reuse == 1 || (limits.time_wait_reuse == 2 && is_loopback);
  return is_reused ? 2 : 60;
}

std::optional<std::string> port_obstacle(const LoadSettings& settings, const MachineLimits& limits,
                                         std::uint64_t source_count) {
  const std::uint64_t sources = std::max<std::uint64_t>(1, source_count);
  const std::uint64_t pairs = sources * settings.targets.size();
  const std::uint64_t allowed = pairs * limits.ports;
  const std::uint64_t needed = ports_needed(settings, limits);
  if (needed <= allowed) return std::nullopt;
  if (settings.sockets() <= allowed) {
    return fmt::format(
        "--lifetime {}: of {} connections {:.6g} end each second and keep their ports in TIME_WAIT "
        "for {} s, so that {} ports are needed, and {} source and {} target addresses have {}; "
        "give more --sources, more server ports in --target or longer lives, or let the kernel "
        "reuse them sooner (sysctl -w net.ipv4.tcp_tw_reuse=1)",
        settings.lifetime_text, settings.connections,
        settings.lifetime.ends_per_s(settings.connections), time_wait_s(settings, limits), needed,
        sources, settings.targets.size(), allowed);
  }
  return fmt::format(
      "net.ipv4.ip_local_port_range has {} ports for each pair of source and target address: "
      "{} source and {} target hold at most {} connections, and {} were asked for; give more "
      "--sources, more server ports in --target, or widen the range "
      "(sysctl -w net.ipv4.ip_local_port_range='1024 65535')",
      limits.ports, sources, settings.targets.size(), allowed, settings.sockets());
}

std::optional<std::string> kernel_obstacle(const LoadSettings& settings,
                                           const MachineLimits& limits) {
  if (limits.epoll_watches && settings.sockets() > *limits.epoll_watches) {
    return fmt::format(
        "fs.epoll.max_user_watches is {}: it allows as many connections, and {} were asked for; "
        "raise it (sysctl -w fs.epoll.max_user_watches={})",
        *limits.epoll_watches, settings.sockets(), settings.sockets() * 2);
  }
  if (limits.files_left && settings.sockets() > *limits.files_left) {
    return fmt::format(
        "fs.file-max leaves room for {} more open files, and {} connections were asked for; "
        "raise it (sysctl -w fs.file-max=..)",
        *limits.files_left, settings.sockets());
  }
  return std::nullopt;
}

// Connections of the shard that has the most: each kind is shared out by itself, and what is left
// over goes to the first ones.
std::uint64_t sockets_a_shard(const LoadSettings& settings, std::uint64_t shards) {
  std::uint64_t sockets = 0;
  for (const std::uint64_t count :
       {settings.connections, settings.unkind.half_open, settings.unkind.slow}) {
    sockets += (count + shards - 1) / shards;
  }
  return sockets;
}

// The fewest that have descriptors enough; nothing when no number has.
std::optional<std::uint32_t> fewest_shards(const LoadSettings& settings,
                                           const MachineLimits& limits) {
  auto shards = os::shards_needed(settings.sockets(), limits.descriptors, os::reserved_descriptors);
  if (!shards) return std::nullopt;
  const std::uint64_t room = limits.descriptors - os::reserved_descriptors;
  while (sockets_a_shard(settings, *shards) > room) {
    if (*shards >= settings.sockets()) return std::nullopt;
    ++*shards;
  }
  return *shards;
}

std::string descriptor_obstacle(const LoadSettings& settings, const MachineLimits& limits,
                                std::uint64_t shards, std::uint64_t needed) {
  const std::uint64_t room =
      limits.descriptors - std::min(limits.descriptors, os::reserved_descriptors);
  return fmt::format(
      "the descriptor limit (ulimit -n) is {} a process: with --shards {} it allows {} "
      "connections, and {} were asked for; use --shards {} or raise the limit (ulimit -n {})",
      limits.descriptors, shards, room * shards, settings.sockets(), needed,
      sockets_a_shard(settings, shards) + os::reserved_descriptors);
}

}  // namespace

os::Result<MachineLimits> read_machine_limits() {
  const auto descriptors = os::raise_descriptor_limit();
  if (!descriptors) return std::unexpected(descriptors.error());
  return MachineLimits{
      .descriptors = *descriptors,
      .ports = local_port_count().value_or(default_port_count),
      .time_wait_reuse = read_number("/proc/sys/net/ipv4/tcp_tw_reuse").value_or(0),
      .epoll_watches = read_number("/proc/sys/fs/epoll/max_user_watches"),
      .files_left = read_files_left()};
}

std::uint64_t ports_needed(const LoadSettings& settings, const MachineLimits& limits) {
  if (settings.protocol == Protocol::ws) return settings.sockets();
  // A reset leaves nothing behind.
  const double ended = settings.lifetime.ends_per_s(settings.connections) *
                       (1 - settings.lifetime.reset_share) *
                       static_cast<double>(time_wait_s(settings, limits));
  return settings.sockets() + static_cast<std::uint64_t>(ended);
}

std::expected<std::uint32_t, std::string> plan_shards(const LoadSettings& settings,
                                                      const MachineLimits& limits,
                                                      std::uint64_t source_count) {
  const auto fewest = fewest_shards(settings, limits);
  if (!fewest) {
    return std::unexpected(fmt::format(
        "the descriptor limit (ulimit -n) is {} a process, of which c1m-load needs {} for itself: "
        "it allows 0 connections, and {} were asked for; raise it (ulimit -n)",
        limits.descriptors, os::reserved_descriptors, settings.sockets()));
  }
  const std::uint32_t shards = settings.shards.value_or(*fewest);
  if (shards < *fewest) {
    return std::unexpected(descriptor_obstacle(settings, limits, shards, *fewest));
  }
  const std::uint64_t supervisor =
      os::reserved_descriptors + supervisor_descriptors_per_shard * shards;
  if (supervisor > limits.descriptors) {
    return std::unexpected(
        fmt::format("the descriptor limit (ulimit -n) is {} a process, and the supervisor of {} "
                    "shards needs {}; use fewer --shards or raise the limit (ulimit -n {})",
                    limits.descriptors, shards, supervisor, supervisor));
  }
  if (auto obstacle = port_obstacle(settings, limits, source_count)) {
    return std::unexpected(*std::move(obstacle));
  }
  if (auto obstacle = kernel_obstacle(settings, limits)) {
    return std::unexpected(*std::move(obstacle));
  }
  return shards;
}

}  // namespace c1m::loadgen
