// The state of a coroutine and the number of its present wait, in one atomic word, so that a wake
// of an older wait changes nothing. docs/runtime.md draws the machine. Invariant: the epoch grows
// by one at the end of every wait, and whoever moves the state to `runnable` puts the coroutine
// into exactly one queue. A wait whose frames are being frozen (freezer.hpp) still goes on, and to
// all but the freezer looks so. Threads: wake() by anyone; begin_freeze() and end_freeze() by a
// freezer; the rest by whoever the state says owns the coroutine.
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
  notified,  // the coroutine has not parked yet and will not; or the freezer will queue it
  runnable,  // parked: the caller must queue it
};

class WaitState {
 public:
  [[nodiscard]] CoroutineState state() const {
    return state_of(as_seen(load(std::memory_order_relaxed)));
  }
  [[nodiscard]] std::uint32_t epoch() const { return epoch_of(load(std::memory_order_relaxed)); }

  // For observers: the same value twice means that nothing changed in between, but for where a
  // waiting coroutine's frames are. Acquire: what was written before the state is visible.
  [[nodiscard]] std::uint64_t snapshot() const { return as_seen(load(std::memory_order_acquire)); }
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
    for (;;) {
      std::uint64_t wanted = runnable;
      if (seen == pack(epoch, CoroutineState::running)) {
        wanted = pack(epoch, CoroutineState::notified);
      } else if (seen == pack(epoch, freezing)) {
        wanted = pack(epoch, freezing_notified);
      } else if (seen != waiting) {
        return WakeResult::stale;
      }
      const bool parked = seen == waiting;
      if (word_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return parked ? WakeResult::runnable : WakeResult::notified;
      }
    }
  }

  // True when the coroutine waits: until end_freeze() it stays where it is, and its frames and its
  // record are the caller's. Acquire: sees the saved context.
  bool begin_freeze() {
    std::uint64_t seen = load(std::memory_order_relaxed);
    if (state_of(seen) != CoroutineState::waiting) return false;
    return word_.compare_exchange_strong(seen, pack(epoch_of(seen), freezing),
                                         std::memory_order_acquire, std::memory_order_relaxed);
  }

  // True when the wait goes on. False when somebody has ended it meanwhile: the coroutine is
  // runnable, and the caller must queue it. Release: whoever wakes it later sees where its frames
  // are; acquire: what the waker did is visible to the coroutine.
  bool end_freeze() {
    const std::uint32_t epoch = this->epoch();
    std::uint64_t expected = pack(epoch, freezing);
    if (word_.compare_exchange_strong(expected, pack(epoch, CoroutineState::waiting),
                                      std::memory_order_release, std::memory_order_acquire)) {
      return true;
    }
    word_.store(pack(epoch + 1, CoroutineState::runnable), std::memory_order_relaxed);
    return false;
  }

 private:
  // Two more states, which only wake() and the freezer know.
  static constexpr CoroutineState freezing{5};           // waiting, and owned by the freezer
  static constexpr CoroutineState freezing_notified{6};  // the same, and the wait has been ended

  static std::uint64_t as_seen(std::uint64_t word) {
    if (state_of(word) == freezing) return pack(epoch_of(word), CoroutineState::waiting);
    if (state_of(word) == freezing_notified) {
      return pack(epoch_of(word) + 1, CoroutineState::runnable);
    }
    return word;
  }
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
