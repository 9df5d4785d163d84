// Where a coroutine's stack is: one of its own, or a slot that it shares with others.
// Threads: a value. Not here: the slots themselves (stack_slot.hpp).
#pragma once

#include <cstdint>

#include "runtime/sanitizer.hpp"

namespace c1m::runtime {

enum class StackPolicy : std::uint8_t {
  // The coroutine alone uses its stack: a page or more of memory for as long as it lives.
  dedicated,
  // While others need the slot, the coroutine's live frames are copied out: some hundred bytes
  // each,
  // for a copy out and in whenever it runs after another of its slot. No other coroutine and no
  // system call may reach into its frames while it is parked. Coroutines of one slot never run at
  // the same time, so one that makes a blocking call, or computes, holds up the others.
  compact,
};

// AddressSanitizer keeps a shadow of each stack, which copies would not move: with it all stacks
// are dedicated.
inline constexpr bool compact_stacks_work = C1M_ASAN == 0;

struct SpawnOptions {
  StackPolicy stack = StackPolicy::dedicated;
};

}  // namespace c1m::runtime
