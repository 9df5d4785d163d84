// The state of a coroutine and the number of its present wait, in one atomic word, so that a wake
// of an older wait changes nothing. docs/runtime.md draws the machine. Invariant: the epoch grows
// by one at the end of every wait, and whoever moves the state to `runnable` puts the coroutine
// into exactly one queue. Threads: wake() by anyone; the rest by whoever the state says owns the
// coroutine.
#pragma once

#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

enum class CoroutineState : std::uint8_t {
  free,      // in a free list
  runnable,  // in one queue: a next slot, a ring, the global queue, or a stack slot's list
  running,   // on a worker
  notified,  // on a worker, and its coming wait has been ended already
  waiting,   // nowhere: owned by the wakers that hold a token of its epoch
};

enum class WakeResult {
  stale,     // the wait had ended before
  notified,  // the coroutine has not parked yet and will not
  runnable,  // parked: the caller must queue it
};

class WaitState {
 public:
  [[nodiscard]] CoroutineState state() const { return state_of(load(std::memory_order_relaxed)); }
  [[nodiscard]] std::uint32_t epoch() const { return epoch_of(load(std::memory_order_relaxed)); }

  // For observers: the same value twice means that nothing changed in between. Acquire: what was
  // written before the state is visible.
  [[nodiscard]] std::uint64_t snapshot() const { return load(std::memory_order_acquire); }
  static CoroutineState state_of(std::uint64_t word) {
    return static_cast<CoroutineState>(word & 0xff);
  }

  // Moves between free, runnable and running, by the owner, with no token of this epoch abroad.
  void set(CoroutineState state) { word_.store(pack(epoch(), state), std::memory_order_relaxed); }

  // The coroutine, running, gives up the wait for which it handed out tokens.
  void cancel_wait() {
    word_.store(pack(epoch() + 1, CoroutineState::running), std::memory_order_relaxed);
  }

  // The scheduler, after it has left the coroutine's stack: true when the coroutine now waits,
  // false when a wake came first and it runs on. Release: whoever wakes it sees the saved context.
  bool park() {
    std::uint64_t expected = pack(epoch(), CoroutineState::running);
    const std::uint64_t parked = pack(epoch(), CoroutineState::waiting);
    if (!in_force(Safeguard::park_commit)) expected = load(std::memory_order_relaxed);
    if (word_.compare_exchange_strong(expected, parked, std::memory_order_release,
                                      std::memory_order_acquire)) {
      return true;
    }
    cancel_wait();
    return false;
  }

  // Ends the wait `epoch`. Acquire and release: the waker sees the saved context, and what it did
  // before is visible to the coroutine.
  WakeResult wake(std::uint32_t epoch) {
    if (!in_force(Safeguard::token_epoch)) epoch = this->epoch();
    const std::uint64_t waiting = pack(epoch, CoroutineState::waiting);
    std::uint64_t seen = waiting;
    const std::uint64_t runnable = pack(epoch + 1, CoroutineState::runnable);
    if (word_.compare_exchange_strong(seen, runnable, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
      return WakeResult::runnable;
    }
    while (seen == pack(epoch, CoroutineState::running) || seen == waiting) {
      const bool parked = seen == waiting;
      const std::uint64_t wanted = parked ? runnable : pack(epoch, CoroutineState::notified);
      if (word_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return parked ? WakeResult::runnable : WakeResult::notified;
      }
    }
    return WakeResult::stale;
  }

 private:
  static std::uint64_t pack(std::uint32_t epoch, CoroutineState state) {
    return std::uint64_t{epoch} << 32 | static_cast<std::uint64_t>(state);
  }
  static std::uint32_t epoch_of(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32);
  }
  [[nodiscard]] std::uint64_t load(std::memory_order order) const { return word_.load(order); }

  Atomic<std::uint64_t> word_ = 0;
};

}  // namespace c1m::runtime
