// What the settings of a run mean for the parts of one shard. Threads: any. Not here: the parts
// (load_shard.cpp).
#pragma once

#include <cstdint>

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
// Connects a second.
[[nodiscard]] double connect_rate_of_shard(const ShardOrder& order);
// The shard's part of what may be in flight in all, and the most a connection.
[[nodiscard]] EchoExchange::InFlightLimits in_flight_limits(const ShardOrder& order);
// `secret`: what the mask keys come from.
[[nodiscard]] WebSocketTerms websocket_terms(const LoadSettings& settings, std::uint64_t secret);

}  // namespace c1m::loadgen
