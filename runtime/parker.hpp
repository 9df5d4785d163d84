// Where one worker sleeps: on a futex, or in the netpoller when it is its turn to watch that.
// Invariant: an unpark() before or during a sleep ends it; none is lost, several count once.
// Threads: unpark() by any; the rest by the worker.
#pragma once

#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/platform.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

class Parker {
 public:
  // Sleeps until unpark() or for `timeout_ns` (negative: no limit). May return early.
  void park(os::Nanoseconds timeout_ns) {
    if (!begin(on_futex)) return;
    platform::futex_wait(state_, on_futex, timeout_ns);
    end();
  }

  // Brackets a wait of the worker's own that `wake_event` ends. False, and no end_polling() is
  // due, when an unpark() came before.
  bool begin_polling() { return begin(in_netpoller); }
  void end_polling() { end(); }

  void unpark(platform::WakeEvent& wake_event) {
    // Sequentially consistent: what the caller did before is seen by the worker that wakes.
    switch (state_.exchange(notified)) {
      case on_futex:
        platform::futex_wake_one(state_);
        break;
      case in_netpoller:
        if (in_force(Safeguard::poll_unpark)) wake_event.signal();
        break;
      default:
        break;
    }
  }

 private:
  static constexpr std::uint32_t awake = 0;
  static constexpr std::uint32_t notified = 1;
  static constexpr std::uint32_t on_futex = 2;
  static constexpr std::uint32_t in_netpoller = 3;

  bool begin(std::uint32_t state) {
    if (!in_force(Safeguard::kept_unpark)) state_.store(awake);
    std::uint32_t expected = awake;
    if (state_.compare_exchange_strong(expected, state)) return true;
    end();
    return false;
  }
  void end() { state_.exchange(awake); }

  Atomic<std::uint32_t> state_ = awake;
};

}  // namespace c1m::runtime
