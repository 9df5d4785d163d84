// What the benchmarks of coroutines share: a runtime whose first coroutine measures, and an end of
// the process where the machine lacks what they need. Threads: the benchmark's.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "os/assert.hpp"
#include "os/result.hpp"
#include "runtime/runtime.hpp"

namespace c1m::runtime {

inline void must(const os::Result<void>& result) {
  C1M_ASSERT(result, "the machine has what this needs");
}

inline void run(const RuntimeOptions& options, std::move_only_function<void()> main) {
  auto runtime = Runtime::create(options);
  C1M_ASSERT(runtime, "the machine has what this needs");
  must((*runtime)->run(std::move(main)));
}

// Benchmarks take the number of processors as their argument.
inline void run(std::int64_t processors, std::move_only_function<void()> main) {
  run(RuntimeOptions{.processors = static_cast<unsigned>(processors)}, std::move(main));
}

// Resident memory and page tables of this process.
inline std::uint64_t memory_bytes() {
  std::ifstream status("/proc/self/status");
  std::uint64_t sum_kib = 0;
  for (std::string name; status >> name;) {
    std::uint64_t kib = 0;
    if ((name == "VmRSS:" || name == "VmPTE:") && status >> kib) sum_kib += kib;
  }
  C1M_ASSERT(sum_kib > 0, "/proc/self/status has VmRSS");
  return sum_kib * 1024;
}

}  // namespace c1m::runtime
