// The state of one descriptor that coroutines wait for, in a cache line of its own.
// Invariant: it lies in memory that stays the same kind for ever, so that whoever comes late may
// look at it; the sequence number tells him that his tenant has left. Threads: each field says.
// Not here: what is done with it (netpoller.hpp, ring_poller.hpp, pollable.hpp).
#pragma once

#include <cstdint>

#include "os/clock.hpp"
#include "runtime/atomic.hpp"
#include "runtime/poll_word.hpp"

namespace c1m::runtime {

enum class Direction : std::uint8_t { read, write };

// What becomes of bytes that are offered to a poller which can send.
enum class Outgoing : std::uint8_t {
  taken,      // it sends them, after what it took before
  must_wait,  // it has no room; the writer gets an edge when there is
  must_send,  // it has none of this stream's: who offers them sends
};

struct alignas(64) PollDescriptor {
  PollWord words[2];  // by Direction
  Atomic<os::Nanoseconds> deadlines_ns[2];

  // The sequence number of the tenant in the upper half, flags below.
  Atomic<std::uint64_t> tenancy = 0;
  // How many operations use the number, and whether it is to be closed after the last.
  Atomic<std::uint32_t> uses = 0;
  std::atomic<int> fd = -1;  // relaxed: ordered by `uses`, and read by dumps' notes without
  // What the last call on the descriptor taught its one reader (writer): it would block. Owned by
  // that coroutine.
  bool exhausted[2] = {};

  // The next three belong to the ring poller, under its lock.
  std::uint8_t ring_requests = 0;  // flags, see ring_tag.hpp
  std::uint8_t ring_error = 0;     // an errno that the reader has not been told yet
  // Buffers that were received into and not read: a list of them, and what is read of the first.
  struct Unread {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint16_t buffers = 0;
    std::uint16_t offset = 0;
  } unread;

  // The next one while it is free; with a tenant, and under the ring poller's lock, the place of
  // what the ring is to send.
  std::uint32_t link = 0;

  static constexpr std::uint64_t peer_closed = 1;  // HUP, RDHUP or ERR was seen; never cleared
  static constexpr std::uint32_t closing = 1u << 31;

  PollWord& word(Direction direction) { return words[static_cast<int>(direction)]; }
  Atomic<os::Nanoseconds>& deadline_ns(Direction direction) {
    return deadlines_ns[static_cast<int>(direction)];
  }
  bool& exhausted_in(Direction direction) { return exhausted[static_cast<int>(direction)]; }
  [[nodiscard]] bool is_closing() const { return (uses.load() & closing) != 0; }
  [[nodiscard]] bool peer_has_closed() const {
    return (tenancy.load(std::memory_order_acquire) & peer_closed) != 0;
  }
  // Of the tenant whose tenancy this is.
  [[nodiscard]] static constexpr std::uint64_t sequence_of(std::uint64_t tenancy) {
    return tenancy >> 32;
  }
  [[nodiscard]] std::uint64_t sequence() const {
    return sequence_of(tenancy.load(std::memory_order_acquire));
  }
};
static_assert(sizeof(PollDescriptor) == 64);

}  // namespace c1m::runtime
