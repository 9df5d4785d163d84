// What a wait group knows, in one word: how many are still to come, and the first of those that
// wait, so that the last one to come takes the whole list of waiters in the same step. Invariant: a
// waiter in the list is returned once, by the done() that made the count zero. Threads: any. Not
// here: parking and waking (wait_group.cpp), so that the model machine runs this as it is.
#pragma once

#include <cstdint>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

class WaitGroupWord {
 public:
  void add(std::uint32_t count) {
    // Relaxed: who adds hands the work out afterwards, and by that what it has written.
    const std::uint64_t before = word_.fetch_add(pack(count, 0), std::memory_order_relaxed);
    C1M_ASSERT(count <= UINT32_MAX - count_of(before), "a wait group counts up to 2^32 - 1");
  }

  // One has come. When it was the last: the index of the first waiter, who leads to the others, all
  // now the caller's to wake; 0 if there is none, and otherwise.
  std::uint32_t done() {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    std::uint64_t wanted = 0;
    do {
      C1M_ASSERT(count_of(seen) > 0, "done() comes once for each that was added");
      wanted = count_of(seen) == 1 ? 0 : seen - pack(1, 0);
      // Release: what was done is visible to who waits. Acquire: the list, and what others did.
    } while (!word_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return wanted == 0 ? first_of(seen) : 0;
  }

  // Acquire: what was done before the last done() is visible.
  [[nodiscard]] bool is_zero() const {
    return count_of(word_.load(std::memory_order_acquire)) == 0;
  }

  // Puts the waiter `index` (at least 1) before those that wait already: link(first) keeps who was
  // the first of them, 0 for nobody, and may be called more than once. False when the count is
  // zero.
  template <class Link>
  bool enter(std::uint32_t index, Link link) {
    std::uint64_t seen = word_.load(std::memory_order_acquire);
    do {
      if (count_of(seen) == 0) return false;
      link(first_of(seen));
      // Release: the link is visible to who takes the list. Acquire: as in is_zero().
    } while (!word_.compare_exchange_weak(seen, pack(count_of(seen), index),
                                          std::memory_order_acq_rel, std::memory_order_acquire));
    return true;
  }

 private:
  static std::uint64_t pack(std::uint32_t count, std::uint32_t first) {
    return std::uint64_t{count} << 32 | first;
  }
  static std::uint32_t count_of(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }
  static std::uint32_t first_of(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

  Atomic<std::uint64_t> word_ = 0;
};

}  // namespace c1m::runtime
