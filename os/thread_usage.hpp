// What the kernel has counted of the calling thread: CPU time, time in which it was runnable but
// had no CPU, page faults. For telling afterwards why a thread stood still. Threads: a reader is
// used by one thread at a time, each look is of the thread that makes it. Not here: other processes
// (measure/process_probe.hpp).
#pragma once

#include <cstdint>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

// Since the thread's start.
struct ThreadUsage {
  Nanoseconds cpu_ns = 0;
  Nanoseconds run_queue_delay_ns = 0;
  std::uint64_t page_faults_minor = 0;
  std::uint64_t page_faults_major = 0;

  friend bool operator==(const ThreadUsage&, const ThreadUsage&) = default;
};
[[nodiscard]] ThreadUsage operator-(const ThreadUsage& later, const ThreadUsage& earlier);

class ThreadUsageReader {
 public:
  // About a microsecond and a half; two more when another thread made the last look. Fails where
  // the kernel shows no schedstat (CONFIG_SCHED_INFO).
  [[nodiscard]] Result<ThreadUsage> read();

 private:
  Descriptor schedstat_;
  std::uint64_t thread_ = 0;  // whose file is open
};

}  // namespace c1m::os
