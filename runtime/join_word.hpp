// Whether a task has ended, and whether somebody waits for that, in one word. Invariants: it ends
// once; at most one waits, whose waker stands beside the word. `finish` reads that only when it has
// found `waiting`, and says when it is done with it: a waiter that has given up at that moment
// waits for this, because what a waker refers to must not go before.
// Threads: finish() by the task; the rest by whoever may join it, one at a time. Not here: parking,
// and what the task leaves behind (join_state.hpp).
#pragma once

#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

// `Waker` has wake().
template <class Waker>
class JoinWord {
 public:
  // Acquire: what the task did is visible.
  [[nodiscard]] bool finished() const { return word_.load(std::memory_order_acquire) >= ended; }

  // `waker` shall be woken. False: the task has ended before.
  [[nodiscard]] bool enter(const Waker& waker) {
    waker_ = waker;
    std::uint32_t expected = nobody;
    if (!in_force(Safeguard::join_recheck)) {
      word_.exchange(waiting, std::memory_order_acq_rel);
      return true;
    }
    // Release: the waker is visible to the task. Acquire: as in finished().
    return word_.compare_exchange_strong(expected, waiting, std::memory_order_acq_rel,
                                         std::memory_order_acquire);
  }

  // The waiter gives up. False: the task has ended, and the waiter calls is_settled() until that is
  // true.
  [[nodiscard]] bool leave() {
    std::uint32_t expected = waiting;
    return word_.compare_exchange_strong(expected, nobody, std::memory_order_acquire,
                                         std::memory_order_acquire);
  }
  [[nodiscard]] bool is_settled() {
    if (!in_force(Safeguard::join_settles)) return true;
    // An addition of nothing, because it reads the latest value; nothing bounds how long a load may
    // return an older one.
    return word_.fetch_add(0, std::memory_order_acquire) == settled;
  }

  // The task has ended. Wakes the waiter; the word must be there until this returns.
  void finish() {
    // Release: what the task did. Acquire: the waker.
    if (word_.exchange(ended, std::memory_order_acq_rel) != waiting) return;
    waker_.wake();
    word_.store(settled, std::memory_order_release);
  }

 private:
  static constexpr std::uint32_t nobody = 0;
  static constexpr std::uint32_t waiting = 1;
  static constexpr std::uint32_t ended = 2;
  static constexpr std::uint32_t settled = 3;  // and the waker is not used any more

  Atomic<std::uint32_t> word_ = nobody;
  Waker waker_;  // written by the waiter before it enters, read by the task after that
};

}  // namespace c1m::runtime
