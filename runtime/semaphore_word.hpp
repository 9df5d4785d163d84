// What a weighted semaphore knows: how many units are free and whether somebody waits, in one word,
// and the queue of those that wait. Invariants: while anybody waits nobody overtakes the queue, so
// a large request is served in its turn however many small ones come; units are given by whoever
// releases them, never taken by one that was woken, so each unit is somebody's at any moment, also
// when a waiter gives up at that moment: it finds out under the lock; while `waiting` is set the
// word changes under the queue's lock alone. Threads: any. Not here: parking and waking
// (semaphore.cpp), so that the model machine runs this as it is.
#pragma once

#include <cstdint>
#include <mutex>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/waiter_queue.hpp"

namespace c1m::runtime {

// `Waiter` is one of WaiterQueue with a member std::uint64_t units, and end(), which ends its wait
// and returns that as an Ended (EndedWaits).
template <class Waiter>
class SemaphoreWord {
 public:
  using Ended = EndedWaits<typename Waiter::Ended>;
  static constexpr std::uint64_t units_max = (std::uint64_t{1} << 63) - 1;

  explicit SemaphoreWord(std::uint64_t units) : state_(units) {}

  // Takes the units if they are free and nobody waits.
  bool try_acquire(std::uint64_t units) {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while (seen >= units && (seen & waiting) == 0) {
      // Acquire: what those that released them did is visible.
      if (state_.compare_exchange_weak(seen, seen - units, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // The same, or `waiter` enters the queue: somebody will give it its units and wake it.
  bool acquire_or_wait(Waiter& waiter) {
    const std::lock_guard guard(queue_mutex_);
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    bool fits = false;
    do {
      fits = (seen & waiting) == 0 && seen >= waiter.units;
      // In one step with the look: a release() comes before it and is seen, or sees that somebody
      // waits.
    } while (!state_.compare_exchange_weak(seen, fits ? seen - waiter.units : seen | waiting,
                                           std::memory_order_acquire, std::memory_order_relaxed));
    if (!fits) queue_.append(waiter);
    return fits;
  }

  // Gives units back, unless somebody waits: then false, and release_to_waiters() follows.
  [[nodiscard]] bool release_to_nobody(std::uint64_t units) {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & waiting) == 0) {
      C1M_ASSERT(units <= units_max - seen, "a semaphore counts up to 2^63 - 1");
      // Release: what the holder did is visible to who takes them.
      if (state_.compare_exchange_weak(seen, seen + units, std::memory_order_release,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  // `ended` are the waits of those that are served, for the caller to deliver.
  void release_to_waiters(std::uint64_t units, Ended& ended) {
    const std::lock_guard guard(queue_mutex_);
    serve(units, ended);
  }

  // The wait of `waiter` has ended, perhaps by something else. False: it has been given its units,
  // and keeps them. Otherwise it has left, and those behind it may fit into what is free.
  [[nodiscard]] bool leave(Waiter& waiter, Ended& ended) {
    const std::lock_guard guard(queue_mutex_);
    if (!waiter.queued) return !in_force(Safeguard::semaphore_keeps);
    queue_.remove(waiter);
    if (in_force(Safeguard::semaphore_passes)) serve(0, ended);
    return true;
  }

  [[nodiscard]] std::uint64_t free_units() const {
    return state_.load(std::memory_order_relaxed) & ~waiting;
  }
  [[nodiscard]] bool has_waiters() const {
    return (state_.load(std::memory_order_relaxed) & waiting) != 0;
  }

 private:
  static constexpr std::uint64_t waiting = std::uint64_t{1} << 63;

  // The lock is held. `waiting` may have gone since the caller saw it.
  void serve(std::uint64_t returned, Ended& ended) {
    // Acquire and release, as in the two above: the units pass on to whoever is served. With the
    // flag set nobody changes the word meanwhile.
    const std::uint64_t before = state_.fetch_add(returned, std::memory_order_acq_rel);
    if ((before & waiting) == 0) return;
    std::uint64_t free = (before & ~waiting) + returned;
    while (Waiter* first = queue_.first()) {
      if (first->units > free) break;
      free -= first->units;
      queue_.remove(*first);
      ended.add(first->end());  // the last touch: it may be gone
    }
    const bool left = queue_.first() != nullptr;
    state_.exchange(left ? free | waiting : free, std::memory_order_acq_rel);
  }

  Atomic<std::uint64_t> state_;
  ThreadMutex queue_mutex_;
  WaiterQueue<Waiter> queue_;  // guarded by queue_mutex_
};

}  // namespace c1m::runtime
