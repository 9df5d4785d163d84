// A time that comes once: Go's time.Timer, and a call at that time that can be cancelled, Go's
// time.AfterFunc. Invariants and threads are the ticker's (ticker.hpp): nothing is armed while
// nobody waits, so setting an alarm and stopping it is arithmetic under a lock of its own.
#pragma once

#include <functional>
#include <memory>
#include <source_location>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/ticker.hpp"

namespace c1m::runtime {

class Alarm {
 public:
  // It comes `delay_ns` from now; at once if that is not positive.
  explicit Alarm(os::Nanoseconds delay_ns) : ticker_(WaitReason::timer, delay_ns) {}

  // Parks until it comes, or takes it if it has come, and returns when it was due. Once taken, a
  // wait lasts until it is set again. ECANCELED after stop(), its own or the runtime's; the
  // context's error() once that is cancelled.
  [[nodiscard]] os::Result<os::Nanoseconds> wait(const Context& context = background) {
    return ticker_.wait(context);
  }

  // True when nobody has taken it before, and nobody will now.
  bool stop() { return ticker_.stop(); }

  // Sets it again, `delay_ns` from now, also after stop(). True when it had not been taken before.
  bool reset(os::Nanoseconds delay_ns) { return ticker_.reset_once(delay_ns); }

 private:
  Ticker ticker_;
};

// A function that is going to be called, and need not be.
class DelayedCall {
 public:
  // True when the call had not begun: it never will. False when it has begun, ended or been
  // cancelled before; it does not wait for its end.
  bool cancel() { return alarm_->stop(); }

 private:
  friend os::Result<DelayedCall> call_after(os::Nanoseconds, std::move_only_function<void()>,
                                            std::source_location);
  explicit DelayedCall(std::shared_ptr<Alarm> alarm) : alarm_(std::move(alarm)) {}

  std::shared_ptr<Alarm> alarm_;
};

// Calls `function` in a coroutine of its own, `delay_ns` from now, unless it is cancelled or the
// runtime stopped before. The coroutine exists from now on: run() waits for it, and it takes a
// stack. Dropping the result cancels nothing. Fails as spawn() does.
os::Result<DelayedCall> call_after(os::Nanoseconds delay_ns,
                                   std::move_only_function<void()> function,
                                   std::source_location where = std::source_location::current());

}  // namespace c1m::runtime
