// See shard_terms.hpp.
#include "loadgen/shard_terms.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/thread.hpp"

namespace c1m::loadgen {
namespace {

// An answer that is longer than any request by no more than this is a wrong answer; one that is
// longer yet ends its connection.
constexpr std::size_t excess_bytes_max = 64 * 1024;

}  // namespace

LoopKind loop_kind(LoadMode mode) {
  return mode == LoadMode::open ? LoopKind::open : LoopKind::closed;
}

os::CpuSet cpus_of_shard(const os::CpuSet& cpus, std::uint32_t shards, std::uint32_t index) {
  if (shards >= cpus.size()) return {cpus[index % cpus.size()]};
  os::CpuSet own;
  for (std::size_t at = index; at < cpus.size(); at += shards) own.push_back(cpus[at]);
  return own;
}

os::Result<void> prepare_process(const ShardOrder& order) {
  // The supervisor decides what a signal to the whole process group means.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  if (order.settings.cpus) {
    auto bound = os::bind_to(cpus_of_shard(*order.settings.cpus, order.shards, order.index));
    if (!bound) return bound;
  }
  return os::set_timer_slack(1);
}

os::Nanoseconds own_cpu_ns() {
  const auto cpu_ns = os::process_cpu_ns(::getpid());
  C1M_ASSERT(cpu_ns.has_value(), "a process can read its own CPU clock");
  return *cpu_ns;
}

double connect_rate_of_shard(const ShardOrder& order) {
  return order.settings.connect_rate_per_s / order.shards;
}

EchoExchange::InFlightLimits in_flight_limits(const ShardOrder& order) {
  const std::uint32_t pipeline = order.settings.pipeline;
  return {.in_all = std::max(1U, order.settings.in_flight_max / order.shards),
          .pipeline = pipeline == 0 ? UINT32_MAX : pipeline};
}

WebSocketTerms websocket_terms(const LoadSettings& settings, std::uint64_t secret) {
  const bool is_text = settings.websocket.kind == MessageKind::text;
  return {.hosts = settings.target_names,
          .path = settings.websocket.path,
          .opcode = is_text ? protocol::Opcode::text : protocol::Opcode::binary,
          .message_bytes_max = settings.message_bytes + excess_bytes_max,
          .fragment_bytes = settings.websocket.fragment_bytes,
          .offers_deflate = settings.websocket.deflate,
          .secret = secret};
}

std::unique_ptr<WebSocketExchange> make_websocket_exchange(
    const ShardOrder& order, ConnectionRange range, std::uint64_t secret, const os::Clock& clock,
    os::Poller& poller, Accounting& accounting) {
  if (order.settings.protocol != Protocol::ws) return nullptr;
  return std::make_unique<WebSocketExchange>(range, in_flight_limits(order), order.payload, clock,
                                             poller, accounting,
                                             websocket_terms(order.settings, secret));
}

std::unique_ptr<EchoExchange> make_echo_exchange(const ShardOrder& order, ConnectionRange range,
                                                 const os::Clock& clock, os::Poller& poller,
                                                 Accounting& accounting) {
  return std::make_unique<EchoExchange>(range, in_flight_limits(order), order.payload, clock,
                                        poller, accounting);
}

}  // namespace c1m::loadgen
