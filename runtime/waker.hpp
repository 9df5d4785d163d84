// The right to end one wait, wherever it is: a coroutine's of this or another runtime, or a plain
// thread's. Invariants: of all wakers of a wait one ends it; a waker of a wait that has ended wakes
// nobody. Threads: a value, copied freely and used by any thread, for as long as the waiter cannot
// have left: a list under a lock has it, and the waiter takes it out under that lock. Not here:
// waiting (any_wait.hpp).
#pragma once

#include <cstdint>

#include "runtime/wake_token.hpp"

namespace c1m::runtime {

struct Coroutine;
class Scheduler;
class ThreadWaiter;

// A wait that somebody has ended, and whose waiter has not been told yet. In two steps, so that a
// wait can be ended under a lock and its waiter be sent on after that. Until deliver() a waiter
// that had parked stays where it is, and so does its runtime.
class EndedWait {
 public:
  EndedWait() = default;  // nobody's

  // False: the wait had been ended before.
  explicit operator bool() const { return ended_; }

  // Once, by who has ended the wait.
  void deliver() const;

 private:
  friend class Waker;
  bool ended_ = false;
  Coroutine* coroutine_ = nullptr;  // to be queued; nullptr: it had not parked
  Scheduler* scheduler_ = nullptr;
  ThreadWaiter* thread_ = nullptr;
};

class Waker {
 public:
  Waker() = default;  // wakes nobody
  Waker(WakeToken token, Scheduler* scheduler) : token_(token), scheduler_(scheduler) {}
  Waker(std::uint32_t epoch, ThreadWaiter& thread)
      : token_(thread_index, epoch), thread_(&thread) {}

  explicit operator bool() const { return static_cast<bool>(token_); }
  [[nodiscard]] WakeToken token() const { return token_; }

  // Ends the wait if it goes on. What the caller did before is visible to the waiter.
  [[nodiscard]] EndedWait end() const;
  // The same, and sends the waiter on. False: the wait had been ended before.
  bool wake() const {
    const EndedWait ended = end();
    ended.deliver();
    return static_cast<bool>(ended);
  }

 private:
  // No coroutine has it: there are fewer than 2^32 - 1.
  static constexpr std::uint32_t thread_index = UINT32_MAX;

  WakeToken token_;
  union {
    Scheduler* scheduler_ = nullptr;  // NOLINT(readability-identifier-naming): of a coroutine
    ThreadWaiter* thread_;            // NOLINT(readability-identifier-naming): it is private
  };
};

}  // namespace c1m::runtime
