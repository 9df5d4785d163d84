// When the runtime freezes the stacks of idle coroutines by itself, and what a freeze has brought.
// Threads: values. Not here: how (freezer.hpp); which coroutines may be frozen (stack_policy.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/clock.hpp"

namespace c1m::runtime {

// What has to be the case for a freeze, beside the coroutines' idleness.
enum class FreezeWhen : std::uint8_t {
  // Memory is short: tasks of the machine, or of this process's control group, have waited for
  // memory in 1 % of the last ten seconds, or less than a tenth of either's memory is available.
  pressure,
  above,   // this process has more resident memory than FreezePolicy::resident_bytes
  always,  // idleness is enough
};

// Longer waits cannot be told from shorter ones (wait_reason.hpp): idle times are below this.
inline constexpr os::Nanoseconds freeze_idle_ns_limit =
    os::Nanoseconds{13} * 24 * 3600 * os::ns_per_s;

struct FreezePolicy {
  // Freezable coroutines that have been parked for so long are frozen, all of them. 0: none is, but
  // by Runtime::freeze_idle(). A thread looks four times in such a time, but at most ten times a
  // second and at least every ten seconds.
  os::Nanoseconds idle_ns = 0;
  FreezeWhen when = FreezeWhen::pressure;
  std::size_t resident_bytes = 0;  // for FreezeWhen::above
};

struct FreezeOutcome {
  std::uint64_t coroutines = 0;  // that were frozen
  // Of the pages in which their frames lay. What a stack had grown to before is given back as well,
  // but not counted, because only the kernel knows it.
  std::uint64_t released_bytes = 0;
  std::uint64_t stored_bytes = 0;  // of the blocks that hold the frames now
};

}  // namespace c1m::runtime
