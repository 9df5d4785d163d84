// Tells one watcher how long calls took that a thread cannot see into: the kernel's work on memory
// mappings, and waiting for a lock that another thread holds. Invariant: without a watcher a call
// costs one load and one branch more. Threads: the watcher is called by whichever thread made the
// call, maybe by several at once; it must not lock what the watched code locks. Not here: what is
// done with the times (measure/).
#pragma once

#include <atomic>
#include <cstdint>

#include "os/clock.hpp"

namespace c1m::os {

enum class WatchedCall : std::uint8_t {
  memory,     // madvise, munmap, mprotect
  lock_wait,  // of a thread, for a mutex that was not free
};

using CallWatcher = void (*)(WatchedCall call, Nanoseconds begin_ns, Nanoseconds end_ns);

inline std::atomic<CallWatcher> call_watcher = nullptr;

// Of the whole process, from now on; nullptr: nobody.
inline void watch_calls(CallWatcher watcher) {
  call_watcher.store(watcher, std::memory_order_release);
}

// Lives as long as the call.
class TimedCall {
 public:
  explicit TimedCall(WatchedCall call)
      : watcher_(call_watcher.load(std::memory_order_acquire)), call_(call) {
    if (watcher_ != nullptr) [[unlikely]]
      begin_ns_ = monotonic_ns();
  }
  TimedCall(const TimedCall&) = delete;
  TimedCall& operator=(const TimedCall&) = delete;
  ~TimedCall() {
    if (watcher_ != nullptr) [[unlikely]]
      watcher_(call_, begin_ns_, monotonic_ns());
  }

 private:
  const CallWatcher watcher_;
  const WatchedCall call_;
  Nanoseconds begin_ns_ = 0;
};

}  // namespace c1m::os
