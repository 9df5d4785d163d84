// A clock for tests of programs that run on the runtime: hours pass in no time, in an exact order.
// It stands still while anybody runs. When every worker is idle it jumps to the earliest timer, or
// it moves only when the test says so. Invariants: it never goes back; one runtime has it at a
// time, and it outlives that. Threads: any. Not here: what other threads and the kernel still do
// is not seen, so a clock that moves by itself may overtake a packet on its way.
#pragma once

#include <cstdint>

#include "os/clock.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

class Scheduler;

class VirtualClock final : public os::Clock {
 public:
  enum class Moves : std::uint8_t {
    when_idle,  // to the earliest timer, when no worker has anything to run
    when_told,  // by advance() alone
  };

  explicit VirtualClock(Moves moves = Moves::when_idle, os::Nanoseconds start_ns = 0)
      : moves_(moves), now_ns_(start_ns) {}
  ~VirtualClock() override;

  // Acquire: what was done before the time moved is visible.
  [[nodiscard]] os::Nanoseconds now_ns() const override {
    return now_ns_.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool moves_when_idle() const { return moves_ == Moves::when_idle; }

  // Moves the time on, at least by 0, and lets the timers fire that are due then; it does not wait
  // until their coroutines have run.
  void advance(os::Nanoseconds by_ns);

 private:
  friend class Scheduler;
  friend class Worker;

  // For the last worker that has fallen asleep, which fires the timers itself.
  void move_to(os::Nanoseconds when_ns);
  void attach(Scheduler& scheduler);
  void detach();

  const Moves moves_;
  Atomic<os::Nanoseconds> now_ns_;  // written under mutex_
  ThreadMutex mutex_;
  Scheduler* scheduler_ = nullptr;  // guarded by mutex_
};

}  // namespace c1m::runtime
