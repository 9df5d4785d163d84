// A lock for sections of a few instructions that both workers and plain threads enter: inline where
// it is free, a few looks where it is not, then a futex. std::mutex does the same through two
// calls. Invariants: while the word is `contended` whoever unlocks wakes one sleeper. Threads: any;
// not to be held where a coroutine can park. Not here: fairness.
#pragma once

#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/platform.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

class ShortLock {
 public:
  ShortLock() = default;
  ShortLock(const ShortLock&) = delete;
  ShortLock& operator=(const ShortLock&) = delete;

  void lock() {
    if (!try_lock()) wait_and_lock();
  }
  [[nodiscard]] bool try_lock() {
    std::uint32_t expected = free;
    // Acquire: what was done under the lock is visible.
    return word_.compare_exchange_strong(expected, taken, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  // The next holder may destroy the lock at once: after the exchange its address alone is used.
  void unlock() {
    if (word_.exchange(free, std::memory_order_release) == contended &&
        in_force(Safeguard::lock_wake)) {
      platform::futex_wake_one(word_);
    }
  }

 private:
  static constexpr std::uint32_t free = 0;
  static constexpr std::uint32_t taken = 1;
  static constexpr std::uint32_t contended = 2;  // and somebody sleeps, or is about to

  void wait_and_lock();

  Atomic<std::uint32_t> word_ = free;
};

}  // namespace c1m::runtime
