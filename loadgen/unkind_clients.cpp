// Two groups; see unkind_clients.hpp.
#include "loadgen/unkind_clients.hpp"

#include <algorithm>

#include "loadgen/shard_terms.hpp"
#include "loadgen/traffic.hpp"

namespace c1m::loadgen {
namespace {

// Indices of clients, as those of connections, take the lower half of a tag.
constexpr int index_bits = 32;
constexpr std::uint64_t half_open_kind = 1;
constexpr std::uint64_t slow_kind = 2;

// `first`: the number of the first of all shards' clients.
UnkindTerms terms_of(const ShardOrder& order, std::uint32_t first, std::uint32_t count,
                     std::uint64_t kind) {
  ConnectionRange range = shard_range(count, order.shards, order.index);
  range.first += first;
  // Both groups together keep to --connect-rate, and neither waits for the other.
  const double share =
      static_cast<double>(count) / static_cast<double>(order.settings.unkind.clients());
  return {.range = range,
          .tag = kind << index_bits,
          .timeout_ns = order.settings.timeout_ns,
          .connect_rate_per_s = connect_rate_of_shard(order) * share};
}

}  // namespace

UnkindClients::UnkindClients(const ShardOrder& order, std::uint64_t secret, const os::Clock& clock,
                             os::Poller& poller) {
  const LoadSettings& settings = order.settings;
  std::optional<WebSocketTerms> websocket;
  if (settings.protocol == Protocol::ws) websocket = websocket_terms(settings, secret);
  speech_ = make_unkind_speech(order.payload, websocket);
  const UnkindSettings& unkind = settings.unkind;
  if (unkind.half_open > 0) {
    half_open_.emplace(terms_of(order, settings.connections, unkind.half_open, half_open_kind),
                       *speech_, order.routes, clock, poller);
  }
  if (unkind.slow == 0) return;
  UnkindTerms terms =
      terms_of(order, settings.connections + unkind.half_open, unkind.slow, slow_kind);
  terms.byte_interval_ns = unkind.byte_interval_ns;
  slow_.emplace(terms, *speech_, order.routes, clock, poller);
}

bool UnkindClients::owns(std::uint64_t tag) {
  const std::uint64_t kind = tag >> index_bits;
  return kind == half_open_kind || kind == slow_kind;
}

void UnkindClients::handle(std::uint64_t tag, std::uint32_t events) {
  auto& group = tag >> index_bits == half_open_kind ? half_open_ : slow_;
  group->handle(static_cast<std::uint32_t>(tag), events);
}

bool UnkindClients::settled() const {
  return (!half_open_ || half_open_->settled()) && (!slow_ || slow_->settled());
}

std::uint32_t UnkindClients::half_open_standing() const {
  return half_open_ ? half_open_->standing() : 0;
}

std::uint32_t UnkindClients::slow_standing() const {
  return slow_ ? slow_->standing() : 0;
}

os::Nanoseconds UnkindClients::next_due_ns() const {
  return std::min(half_open_ ? half_open_->next_due_ns() : never_ns,
                  slow_ ? slow_->next_due_ns() : never_ns);
}

void UnkindClients::advance(os::Nanoseconds now_ns) {
  if (half_open_) half_open_->advance(now_ns);
  if (slow_) slow_->advance(now_ns);
}

void UnkindClients::observe(const measure::LoadWindow& window) {
  if (half_open_) half_open_->observe(window);
  if (slow_) slow_->observe(window);
}

void UnkindClients::write_to(measure::LoadShardResult& result) {
  if (half_open_) result.half_open = half_open_->result();
  if (slow_) result.slow = slow_->result();
}

}  // namespace c1m::loadgen
