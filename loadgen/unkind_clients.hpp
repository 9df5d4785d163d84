// All clients beside the load of one shard, of both kinds: its part of what --half-open and --slow
// ask for. Invariants: those of the groups; shards share the clients out as they do connections, so
// that all together have as many as were asked for. Threads: one owner. Not here: what one does
// (unkind_group), resets (churn).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "loadgen/load_shard.hpp"
#include "loadgen/unkind_group.hpp"

namespace c1m::loadgen {

class UnkindClients {
 public:
  // `secret`: what mask keys and nonces come from.
  UnkindClients(const ShardOrder& order, std::uint64_t secret, const os::Clock& clock,
                os::Poller& poller);

  // Whether an event is one of these clients'.
  [[nodiscard]] static bool owns(std::uint64_t tag);
  void handle(std::uint64_t tag, std::uint32_t events);

  // Every client has been tried once, and stood or failed.
  [[nodiscard]] bool settled() const;
  // That stand now.
  [[nodiscard]] std::uint32_t half_open_standing() const;
  [[nodiscard]] std::uint32_t slow_standing() const;
  [[nodiscard]] os::Nanoseconds next_due_ns() const;
  void advance(os::Nanoseconds now_ns);
  void observe(const measure::LoadWindow& window);
  void write_to(measure::LoadShardResult& result);

 private:
  std::unique_ptr<UnkindSpeech> speech_;
  std::optional<UnkindGroup> half_open_;
  std::optional<UnkindGroup> slow_;
};

}  // namespace c1m::loadgen
