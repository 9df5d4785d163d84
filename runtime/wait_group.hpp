// Waiting until a number of things are done, as Go's sync.WaitGroup.
// Invariants: waiters stand in a list that goes through the coroutines' records, never through
// their stacks; who was waiting when the count became zero goes on, also if more is added at once.
// Threads: add() and done() by any, wait() by coroutines of one runtime. Not here: results and
// errors of what was waited for; an end by Runtime::stop(): only done() ends a wait.
#pragma once

#include "runtime/frame_check.hpp"
#include "runtime/wait_group_word.hpp"

namespace c1m::runtime {

class Scheduler;

class WaitGroup {
 public:
  WaitGroup() = default;
  // `count` things are to come.
  explicit WaitGroup(std::uint32_t count) { add(count); }
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;
  ~WaitGroup();

  // Before whatever calls the done() of it is started. At most 2^32 - 1 at a time.
  void add(std::uint32_t count = 1) {
    check_reachable(this, "WaitGroup::add");
    word_.add(count);
  }

  // After the last one the group may be gone as soon as wait() has returned.
  void done() {
    check_reachable(this, "WaitGroup::done");
    if (const std::uint32_t first_waiter = word_.done(); first_waiter != 0) wake(first_waiter);
  }

  // Parks until the count is zero. What was written before done() is visible afterwards.
  void wait();

 private:
  void wake(std::uint32_t first_waiter);

  WaitGroupWord word_;
  // Of those that wait; written before the word by each of them, so that any thread may wake them.
  Atomic<Scheduler*> scheduler_ = nullptr;
};

}  // namespace c1m::runtime
