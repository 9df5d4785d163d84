// What a mutex knows: one word (locked, and how its waiters stand) and the list of the waiters. The
// scheme is Go's (internal/sync/mutex.go): whoever is running may take a free lock before those
// that waited, so that a lock under contention need not wait for a switch each time; of the waiters
// at most one is awake at a time; one that has starved gets the lock handed over by the next
// unlock(). Invariants: `waiting` is set exactly while the list is not empty, and changes under the
// list's lock; while `woken` is set one waiter is awake and has not yet taken the lock or gone back
// to the list; `handed` belongs to that one. Threads: any; unlock() by whoever has locked. Not
// here: parking and waking (mutex.cpp), so that the model machine runs this as it is.
#pragma once

#include <cstdint>
#include <mutex>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

// `Waiter` has a member `Waiter* next`, which is the list's while it waits.
template <class Waiter>
class LockWord {
 public:
  // How a waiter comes to the list.
  enum class Arrival : std::uint8_t {
    first,     // goes to its end
    woken,     // was woken and came too late: back to the front
    starving,  // the same for too long: the next unlock() hands the lock over
  };

  // Takes the lock if it is free, also before those that wait.
  bool try_lock() {
    std::uint32_t seen = left_as_.load(std::memory_order_relaxed);
    do {
      // Acquire: what the last holder did is visible.
      if (state_.compare_exchange_weak(seen, seen | locked, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    } while ((seen & locked) == 0);
    return false;
  }

  // Takes the lock (true) or enters the list; then unlock() will return `waiter` to somebody, who
  // wakes it.
  bool lock_or_wait(Waiter& waiter, Arrival arrival) {
    const std::lock_guard guard(list_mutex_);
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    std::uint32_t wanted = 0;
    do {
      wanted = (seen & locked) == 0 ? seen | locked : seen | waiting;
      if (arrival != Arrival::first) wanted &= ~woken;
      if (arrival == Arrival::starving && (seen & locked) != 0) wanted |= starved;
      // In one step with the look at `locked`: an unlock() either comes before and leaves the lock
      // free, or sees that somebody waits.
    } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acquire,
                                           std::memory_order_relaxed));
    if ((seen & locked) == 0) return true;
    put(waiter, arrival);
    return false;
  }

  // By a waiter that was woken: is the lock its own? If not it tries again, and then says that it
  // was woken.
  bool take_handed() {
    if ((state_.load(std::memory_order_relaxed) & handed) == 0) return false;
    // Acquire: as in try_lock(). Nobody but its owner changes a lock that was handed over.
    state_.fetch_sub(handed | woken, std::memory_order_acquire);
    return true;
  }

  // As try_lock(), by a waiter that was woken and is not in the list.
  bool try_lock_woken() {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & locked) == 0) {
      if (state_.compare_exchange_weak(seen, (seen | locked) & ~woken, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Gives the lock up. Returns the waiter that the caller must wake, if any.
  Waiter* unlock() {
    const std::uint32_t left_before = left_as_.load(std::memory_order_relaxed);
    std::uint32_t seen = left_before | locked;
    // Nobody waits, or a waiter is awake: it will find the lock free, or enter the list again.
    while ((seen & locked) != 0 && ((seen & waiting) == 0 || (seen & woken) != 0)) {
      const std::uint32_t left = seen & ~locked;
      // Before the lock is given up: the next holder may destroy it at once.
      if (left != left_before) left_as_.store(left, std::memory_order_relaxed);
      // Release: what the holder did is visible to the next.
      if (state_.compare_exchange_weak(seen, left, std::memory_order_release,
                                       std::memory_order_relaxed)) {
        return nullptr;
      }
    }
    return unlock_with_waiters(seen);
  }

  [[nodiscard]] bool is_locked() const {
    return (state_.load(std::memory_order_relaxed) & locked) != 0;
  }
  // Nobody has it, wants it or is on the way.
  [[nodiscard]] bool is_idle() const { return state_.load(std::memory_order_relaxed) == 0; }

 private:
  static constexpr std::uint32_t locked = 1;
  static constexpr std::uint32_t waiting = 2;
  static constexpr std::uint32_t woken = 4;
  static constexpr std::uint32_t starved = 8;  // the first in the list
  static constexpr std::uint32_t handed = 16;

  Waiter* unlock_with_waiters(std::uint32_t seen) {
    C1M_ASSERT((seen & locked) != 0, "only a locked mutex is unlocked");
    const std::lock_guard guard(list_mutex_);
    // It is still the caller's lock, and `waiting` cannot go: only unlock() takes waiters out.
    Waiter* first = first_;
    first_ = first->next;
    if (first_ == nullptr) last_ = nullptr;
    std::uint32_t wanted = 0;
    do {
      wanted = seen | woken;
      if (first_ == nullptr) wanted &= ~waiting;
      wanted = (seen & starved) != 0 ? (wanted | handed) & ~starved : wanted & ~locked;
    } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_release,
                                           std::memory_order_relaxed));
    return first;
  }

  void put(Waiter& waiter, Arrival arrival) {
    if (arrival == Arrival::first) {
      waiter.next = nullptr;
      (last_ == nullptr ? first_ : last_->next) = &waiter;
      last_ = &waiter;
    } else {
      waiter.next = first_;
      first_ = &waiter;
      if (last_ == nullptr) last_ = &waiter;
    }
  }

  Atomic<std::uint32_t> state_ = 0;
  // The word as the last unlock() left it: what the next exchange expects. While a waiter is awake
  // it is not 0, and an exchange that fails costs as much as one that succeeds. Only a guess.
  Atomic<std::uint32_t> left_as_ = 0;
  ThreadMutex list_mutex_;
  Waiter* first_ = nullptr;  // guarded by list_mutex_, as last_
  Waiter* last_ = nullptr;
};

}  // namespace c1m::runtime
