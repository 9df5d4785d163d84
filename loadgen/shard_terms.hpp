// What the settings of a run mean for the parts of one shard, and its exchange, which they choose.
// Threads: any. Not here: the other parts (load_shard.cpp).
#pragma once

#include <cstdint>
#include <memory>

#include "loadgen/accounting.hpp"
#include "loadgen/echo_exchange.hpp"
#include "loadgen/load_settings.hpp"
#include "loadgen/load_shard.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "os/cpu_set.hpp"

namespace c1m::loadgen {

[[nodiscard]] LoopKind loop_kind(LoadMode mode);
// This shard's part of the list, --cpus: an equal share, or one CPU where there are more shards.
[[nodiscard]] os::CpuSet cpus_of_shard(const os::CpuSet& cpus, std::uint32_t shards,
                                       std::uint32_t index);
// Makes this process one of a shard: its CPUs, its timers, its signals.
[[nodiscard]] os::Result<void> prepare_process(const ShardOrder& order);
// CPU time that this process has used, in ns.
[[nodiscard]] os::Nanoseconds own_cpu_ns();
// Connects a second.
[[nodiscard]] double connect_rate_of_shard(const ShardOrder& order);
// The shard's part of what may be in flight in all, and the most a connection.
[[nodiscard]] EchoExchange::InFlightLimits in_flight_limits(const ShardOrder& order);
// `secret`: what the mask keys come from.
[[nodiscard]] WebSocketTerms websocket_terms(const LoadSettings& settings, std::uint64_t secret);

// The exchange over WebSocket; null with another protocol.
[[nodiscard]] std::unique_ptr<WebSocketExchange> make_websocket_exchange(
    const ShardOrder& order, ConnectionRange range, std::uint64_t secret, const os::Clock& clock,
    os::Poller& poller, Accounting& accounting);
// The one that echoes bytes.
[[nodiscard]] std::unique_ptr<EchoExchange> make_echo_exchange(const ShardOrder& order,
                                                               ConnectionRange range,
                                                               const os::Clock& clock,
                                                               os::Poller& poller,
                                                               Accounting& accounting);

}  // namespace c1m::loadgen
