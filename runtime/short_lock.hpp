// A lock for sections of a few instructions that both workers and plain threads enter: inline where
// it is free, some looks where it is not, then a futex. std::mutex does the same through two calls.
// Where threads collide again and again, who finds it taken stays away for longer: each passing of
// the lock takes along the cache lines of what it guards, which costs several times the section.
// Invariants: while the word is `contended` whoever unlocks wakes one sleeper. Threads: any; not to
// be held where a coroutine can park. Not here: fairness.
#pragma once

#include <atomic>
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
  void wait_and_lock(bool stays_away);

  Atomic<std::uint32_t> word_ = free;
  // When somebody last got it who had found it taken, in ticks of a good microsecond. A hint.
  std::atomic<std::uint32_t> collided_ = 0;
};

}  // namespace c1m::runtime
