// One direction (reading or writing) of a polled descriptor: empty, ready, or a coroutine that
// waits. An edge that comes before the wait is kept as `ready`; a wait consumes it. The scheme is
// Go's (runtime/netpoll.go, rg and wg), with the waiter's epoch in the word. Invariant: at most one
// coroutine waits. Threads: edge() and interrupt() by anyone, the rest by the one coroutine that
// uses this direction. Not here: closing and deadlines (netpoller.hpp).
#pragma once

#include <cstdint>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

class PollWord {
 public:
  // Takes a pending edge. Acquire: what came before the edge is visible.
  bool consume_ready() {
    if (word_.load(std::memory_order_relaxed) != ready) return false;
    // Nobody but this coroutine leaves `ready`.
    word_.exchange(empty, std::memory_order_acquire);
    return true;
  }

  [[nodiscard]] bool is_ready() const { return word_.load(std::memory_order_relaxed) == ready; }

  // Makes `token` the waiter, unless an edge is pending: then false. Sequentially consistent: the
  // caller reads the closed and stopped flags afterwards, whose writers interrupt() afterwards.
  bool publish(WakeToken token) {
    std::uint64_t expected = empty;
    if (word_.compare_exchange_strong(expected, token.bits(), std::memory_order_seq_cst)) {
      return true;
    }
    C1M_ASSERT(expected == ready, "one coroutine at a time waits in one direction");
    return false;
  }

  // By who has published: ends its wait when nobody else has; an edge that came stays pending.
  void retract() {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if (seen == empty || seen == ready) return;
    word_.compare_exchange_strong(seen, empty, std::memory_order_relaxed);
  }

  // The descriptor has become ready. Returns the coroutine to wake, if one waits. An edge beside a
  // pending one is the same edge: the consumer's call on the descriptor comes after its
  // consume_ready(), and the kernel's lock on the descriptor orders the two sides.
  WakeToken edge() {
    if (word_.load(std::memory_order_relaxed) == ready) return {};
    if (!in_force(Safeguard::kept_edge)) return interrupt();
    // Release: pairs with consume_ready(); acquire: with publish().
    return waiter(word_.exchange(ready, std::memory_order_acq_rel));
  }

  // Returns the waiting coroutine, if any, to be woken without an edge: it looks again at why it
  // waits. Sequentially consistent: see publish().
  WakeToken interrupt() {
    std::uint64_t seen = word_.load(std::memory_order_seq_cst);
    while (seen != empty && seen != ready) {
      if (word_.compare_exchange_weak(seen, empty, std::memory_order_seq_cst)) return waiter(seen);
    }
    return {};
  }

  // For a new tenant of the memory; nobody waits.
  void reset() { word_.store(empty, std::memory_order_relaxed); }

 private:
  // Neither is the bits of a token: those have an index of at least 1 in their upper half.
  static constexpr std::uint64_t empty = 0;
  static constexpr std::uint64_t ready = 1;

  static WakeToken waiter(std::uint64_t bits) {
    return bits == empty || bits == ready ? WakeToken{} : WakeToken::from_bits(bits);
  }

  Atomic<std::uint64_t> word_ = empty;
};

}  // namespace c1m::runtime
