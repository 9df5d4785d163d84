// Ticks at a steady rate, with the meaning of Go's time.Ticker: who is slow misses ticks, and never
// finds more than one waiting. Invariants: a tick's time is the start plus a whole number of
// periods, however late its receiver; between waits a ticker is a time and nothing is armed, so one
// that is forgotten costs and leaks nothing. Threads: wait() by one coroutine at a time, the rest
// by any coroutine of the same runtime; made by a coroutine. If others stop or reset it, it does
// not stand on a stack that may be frozen while its coroutine waits.
#pragma once

#include <cstdint>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/wait_reason.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

class Ticker {
 public:
  // The first tick comes one period from now, which must be positive.
  explicit Ticker(os::Nanoseconds period_ns);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  // Parks until the next tick, or takes the one that has come since the last call, and returns when
  // it was due (now_ns() of sleep.hpp). ECANCELED after stop(), its own or the runtime's; the
  // context's error() once that is cancelled, also when a tick has come.
  [[nodiscard]] os::Result<os::Nanoseconds> wait(const Context& context = background);

  // No more ticks: a wait that goes on ends. True when this keeps a tick from being taken that was
  // to come or had come; false when it was stopped before.
  bool stop();

  // Starts again with another period, the first tick one such period from now; one that was waiting
  // is forgotten. Also after stop().
  void reset(os::Nanoseconds period_ns);

  // How many ticks came while an older one was still waiting.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  friend class Alarm;
  // A ticker with a single tick: alarm.hpp.
  Ticker(WaitReason reason, os::Nanoseconds delay_ns);
  bool reset_once(os::Nanoseconds delay_ns);
  [[nodiscard]] bool take_tick(os::Nanoseconds now_ns, os::Nanoseconds& tick_ns);
  bool start(os::Nanoseconds delay_ns, os::Nanoseconds period_ns);
  [[nodiscard]] bool has_tick_to_come() const;

  const WaitReason reason_ = WaitReason::ticker;

  mutable ThreadMutex mutex_;
  // Guarded by mutex_, as all that follows.
  os::Nanoseconds period_ns_ = 0;  // 0: there is one tick only
  os::Nanoseconds next_ns_ = 0;    // of the oldest tick that nobody has taken; `endless_ns`: none
  std::uint64_t dropped_ = 0;
  bool stopped_ = true;
  WakeToken waiter_;
};

}  // namespace c1m::runtime
