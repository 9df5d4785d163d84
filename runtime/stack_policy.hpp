// Where a coroutine's stack is: one of its own, or a slot that it shares with others; and whether
// its frames may be elsewhere while it waits.
// Threads: a value. Not here: the slots themselves (stack_slot.hpp).
#pragma once

#include <cstdint>

#include "runtime/sanitizer.hpp"

namespace c1m::runtime {

enum class StackPolicy : std::uint8_t {
  // The coroutine alone uses its stack: a page or more of memory for as long as it lives.
  dedicated,
  // While others need the slot, the coroutine's live frames are copied out: some hundred bytes
  // each, for a copy out and in whenever it runs after another of its slot. No other coroutine and
  // no system call may reach into its frames while it is parked. Coroutines of one slot never run
  // at the same time, so one that makes a blocking call, or computes, holds up the others.
  compact,
  // Dedicated, with the promise of a compact one: nobody reaches into its frames while it is
  // parked. So when it has long been parked they may be copied out, and the stack's pages given
  // back (Runtime::freeze_idle(), FreezePolicy); they are back before it runs again.
  freezable,
};

// AddressSanitizer keeps a shadow of each stack, which copies would not move: with it all stacks
// are dedicated, and none is frozen.
inline constexpr bool compact_stacks_work = C1M_ASAN == 0;
inline constexpr bool freezing_works = C1M_ASAN == 0;

struct SpawnOptions {
  StackPolicy stack = StackPolicy::dedicated;
};

}  // namespace c1m::runtime
