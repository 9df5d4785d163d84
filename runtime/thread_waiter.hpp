// What a plain thread waits with: the same word of state and epoch as a coroutine has, and a futex.
// Invariants: a record is never freed, so that a late waker may look at its word, and the epoch
// tells it that the wait is over; a signal that comes to the wrong wait makes it look at its word
// once more. Threads: end() and signal() by any; the rest by the thread that has the record.
#pragma once

#include <algorithm>

#include "os/clock.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cancel_state.hpp"
#include "runtime/platform.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/wait_state.hpp"

namespace c1m::runtime {

class ThreadWaiter {
 public:
  // A free record, of which there are as many as threads ever waited at once.
  [[nodiscard]] static ThreadWaiter& take();
  void give_back();

  // Before anybody has a waker of the coming wait.
  void begin() { wait_.set(CoroutineState::running); }
  [[nodiscard]] std::uint32_t epoch() const { return wait_.epoch(); }

  // Gives up a wait that has not parked.
  void cancel() { wait_.cancel_wait(); }

  // Sleeps until the wait is ended, at the latest at `until_ns` of the monotonic clock.
  void park(os::Nanoseconds until_ns) {
    const std::uint32_t epoch = wait_.epoch();
    if (!wait_.park()) return;
    for (;;) {
      // Acquire: who has signalled has ended the wait before. So either this count is old, and the
      // futex will not sleep on it, or the look at the word sees the end.
      const std::uint32_t signals = signals_.load(std::memory_order_acquire);
      if (in_force(Safeguard::thread_look) && has_ended()) break;
      const os::Nanoseconds left_ns =
          until_ns == no_deadline
              ? -1
              : std::max<os::Nanoseconds>(until_ns - platform::monotonic_ns(), 0);
      if (left_ns == 0 && wait_.wake(epoch) != WakeResult::stale) break;
      platform::futex_wait(signals_, signals, left_ns);
      if (!in_force(Safeguard::thread_look) && has_ended()) break;
    }
    begin();
  }

  // Ends the wait of that epoch: true when its thread sleeps, or is about to, and needs signal().
  [[nodiscard]] bool end(std::uint32_t epoch, bool& ended) {
    const WakeResult result = wait_.wake(epoch);
    ended = result != WakeResult::stale;
    return result == WakeResult::runnable;
  }
  void signal() {
    if (!in_force(Safeguard::thread_signal)) return;
    signals_.fetch_add(1, std::memory_order_release);
    platform::futex_wake_one(signals_);
  }

  CancelLink link;               // while a context may end the wait
  ThreadWaiter* next = nullptr;  // in the list of the free

 private:
  // Acquire: what the waker did is visible.
  [[nodiscard]] bool has_ended() const {
    return WaitState::state_of(wait_.snapshot()) == CoroutineState::runnable;
  }

  WaitState wait_;
  Atomic<std::uint32_t> signals_ = 0;
};

}  // namespace c1m::runtime
