// The thread that sees to what no worker can (Go's sysmon): takes the processor of a worker that is
// stuck in a blocking call, wakes a sleeping worker when a computing one leaves coroutines, due
// timers or the network unattended, and looks at the network itself when all compute. Invariant: it
// holds no processor and runs no coroutine. Threads: start, stop and nudge by any; the rest is its
// own.
#pragma once

#include <cstdint>
#include <vector>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/platform.hpp"

namespace c1m::runtime {

class Scheduler;

class Monitor {
 public:
  explicit Monitor(Scheduler& scheduler) : scheduler_(scheduler) {}
  ~Monitor() { stop(); }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Starts the thread if it does not run. Fails when the system has no thread left.
  [[nodiscard]] os::Result<void> start();
  void stop();

  // A blocking call begins: look often again, if the looks have become rare.
  void nudge();

 private:
  // What was seen of a processor last time.
  struct Seen {
    std::uint64_t resumed = 0;
    std::uint64_t blocking_call = 0;
  };

  void run();
  bool look();  // true when there was something to do
  bool look_at_processors();
  bool look_at_network();
  void rest(os::Nanoseconds interval_ns);

  Scheduler& scheduler_;
  ThreadMutex mutex_;        // of start and stop
  platform::Thread thread_;  // guarded by mutex_
  Atomic<std::uint32_t> state_ = 0;
  std::vector<Seen> seen_;
  std::uint64_t polls_seen_ = 0;
  os::Nanoseconds attended_ns_ = 0;  // when somebody else looked at the network, as far as seen
};

}  // namespace c1m::runtime
