// A lock between coroutines: who waits for it gives its processor away. Works with std::lock_guard
// and std::unique_lock.
// Invariants: whoever waits stands in a list that goes through the coroutines' records, never
// through their stacks; a waiter that has been passed over for 1 ms gets the lock next.
// Threads: for coroutines of one runtime; the one that locks unlocks. Not here: use by threads that
// are no workers, a deadline or an end by Runtime::stop(): only unlock() ends a wait.
#pragma once

#include "runtime/coroutine.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/lock_word.hpp"

namespace c1m::runtime {

class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  ~Mutex();

  void lock() {
    check_reachable(this, "Mutex::lock");
    if (!word_.try_lock()) wait_and_lock();
  }
  [[nodiscard]] bool try_lock() {
    check_reachable(this, "Mutex::try_lock");
    return word_.try_lock();
  }
  void unlock() {
    check_reachable(this, "Mutex::unlock");
    if (Coroutine* waiter = word_.unlock()) wake(*waiter);
  }

 private:
  void wait_and_lock();
  [[nodiscard]] bool lock_or_park(LockWord<Coroutine>::Arrival arrival);
  static void wake(Coroutine& waiter);

  LockWord<Coroutine> word_;
};

}  // namespace c1m::runtime
