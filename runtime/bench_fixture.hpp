// What the benchmarks of coroutines share: a runtime whose first coroutine measures, and an end of
// the process where the machine lacks what they need. Threads: the benchmark's.
#pragma once

#include <cstdint>
#include <functional>
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

}  // namespace c1m::runtime
