// Limits of the machine that a planned run would hit, found before the first connect, and the
// number of shards that follows from them. Threads: pure but for read_machine_limits().
// Not here: limits of the server's side, and lifting any of them (the `c1m doctor` command).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "loadgen/load_settings.hpp"

namespace c1m::loadgen {

struct MachineLimits {
  std::uint64_t descriptors = 0;  // a process: the soft limit, raised to the hard one
  // Local ports for one pair of addresses.
  std::uint32_t ports = 0;
  // net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 on loopback; 0 when it cannot be read.
  std::uint64_t time_wait_reuse = 2;
  // For this user; nothing when the kernel does not say.
  std::optional<std::uint64_t> epoll_watches;
  // Files that the whole machine may still open; nothing when not bound (root) or not known.
  std::optional<std::uint64_t> files_left;
};

// Raises the descriptor limit of this process to its hard limit, then reads all. An unreadable
// port range counts as the kernel's default.
[[nodiscard]] os::Result<MachineLimits> read_machine_limits();

// How many local ports the run takes at a time, over all pairs of addresses: one a connection, and
// one a connection that has ended and is in TIME_WAIT. There it is only with echo, whose clients
// close first (with WebSocket servers do), unless by a reset; for 60 s, or for 2 s at most where
// the kernel reuses.
[[nodiscard]] std::uint64_t ports_needed(const LoadSettings& settings, const MachineLimits& limits);

// How many shards the run gets, or a sentence that names the limit in the way, its value, what it
// allows, and the remedy. `source_count` is 0 when the kernel chooses.
[[nodiscard]] std::expected<std::uint32_t, std::string> plan_shards(const LoadSettings& settings,
                                                                    const MachineLimits& limits,
                                                                    std::uint64_t source_count);

}  // namespace c1m::loadgen
