// What a worker of a shard counts, in memory that the supervisor reads: no call, no lock, no line
// shared with another worker. Threads: any may count (relaxed additions, the same for every
// backend), the supervisor reads. Not here: what the kernel counts of the process
// (measure/process_probe.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "measure/server_documents.hpp"
#include "protocol/websocket_counters.hpp"

namespace c1m::servers::app {

inline constexpr std::size_t cache_line_bytes = 64;

// Eight words first, which is one cache line: what happens on every message costs a hit in it.
// Those of WebSocket sessions have lines of their own; what is written once a stats interval is
// last.
struct alignas(cache_line_bytes) WorkerCounters {
  using Count = std::atomic<std::uint64_t>;
  static_assert(Count::is_always_lock_free);

  Count connections_accepted = 0;
  Count connections_closed = 0;
  Count bytes_received = 0;
  Count bytes_sent = 0;
  Count reads = 0;
  Count writes = 0;
  Count accept_errors = 0;
  Count connection_errors = 0;

  alignas(cache_line_bytes) protocol::WebSocketCounters websocket;

  Count frames_frozen = 0;
  Count stacks_frozen = 0;  // the present value
  Count stack_freezes = 0;
  Count stack_thaws = 0;
  Count stack_bytes_released = 0;

  void count_read(std::size_t bytes) {
    add(reads, 1);
    add(bytes_received, bytes);
  }
  void count_write(std::size_t bytes) {
    add(writes, 1);
    add(bytes_sent, bytes);
  }
  static void add(Count& count, std::uint64_t by) {
    count.fetch_add(by, std::memory_order_relaxed);
  }
};
static_assert(sizeof(WorkerCounters) == 5 * cache_line_bytes);

// The sum over a shard's workers.
measure::TrafficFigures sum_of(std::span<const WorkerCounters> workers);

}  // namespace c1m::servers::app
