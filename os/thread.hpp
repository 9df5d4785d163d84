// A thread with a chosen stack size: std::thread cannot set one, and thread per connection needs
// it. Threads: start_detached_thread() may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "os/clock.hpp"
#include "os/result.hpp"

namespace c1m::os {

// The smallest stack that the C library accepts, in bytes (PTHREAD_STACK_MIN).
std::size_t thread_stack_bytes_min();

// Runs `body` on a new detached thread with `stack_bytes` of stack (rounded up to a page; the guard
// page is extra). EAGAIN when a limit on threads or memory is reached, EINVAL when the stack is
// below the minimum.
[[nodiscard]] Result<void> start_detached_thread(std::size_t stack_bytes,
                                                 std::move_only_function<void()> body);

// How late the kernel may end the calling thread's waits to save wake-ups (PR_SET_TIMERSLACK): by
// default 50 us. At least 1 ns. Threads and children made later inherit it.
[[nodiscard]] Result<void> set_timer_slack(Nanoseconds slack_ns);

// The calling thread's waits end when they are due, as exactly as the kernel can, until this object
// ends on the same thread.
class ExactWaits {
 public:
  ExactWaits();
  ExactWaits(const ExactWaits&) = delete;
  ExactWaits& operator=(const ExactWaits&) = delete;
  ~ExactWaits();

 private:
  Nanoseconds slack_before_ns_;
};

// A number of the calling thread that no other thread of the process has, before or afterwards,
// unlike those of the C++ library and the kernel. A function of its own, because coroutines move
// between threads: a compiler must not keep the answer from before.
std::uint64_t current_thread();

// Stops the calling thread for that long; a signal may end it earlier.
void sleep_for(Nanoseconds duration_ns);

}  // namespace c1m::os
