// A lock between coroutines, and between them and plain threads: a coroutine that waits for it
// gives its processor away. Works with std::lock_guard and std::unique_lock. Invariants: whoever
// waits stands in a list of pooled blocks, never of stacks; a waiter that has been passed over for
// 1 ms gets the lock next. Threads: any, coroutines of any runtime and plain threads; the one that
// locks unlocks. Not here: a deadline or an end by Runtime::stop(): only unlock() ends a wait.
#pragma once

#include "runtime/frame_check.hpp"
#include "runtime/holder_mark.hpp"
#include "runtime/lock_word.hpp"
#include "runtime/waker.hpp"

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
    holder_.take();
  }
  [[nodiscard]] bool try_lock() {
    check_reachable(this, "Mutex::try_lock");
    if (!word_.try_lock()) return false;
    holder_.take();
    return true;
  }
  void unlock() {
    check_reachable(this, "Mutex::unlock");
    holder_.clear();
    if (Waiter* waiter = word_.unlock()) waiter->waker.wake();
  }

  // For who waits for what its holder does.
  [[nodiscard]] const HolderMark& holder() const { return holder_; }

 private:
  struct Waiter {
    Waiter* next = nullptr;
    Waker waker;  // of its present wait
  };
  using Word = LockWord<Waiter>;

  void wait_and_lock();
  [[nodiscard]] bool lock_or_park(Waiter& waiter, Word::Arrival arrival);

  Word word_;
  HolderMark holder_;
};

}  // namespace c1m::runtime
