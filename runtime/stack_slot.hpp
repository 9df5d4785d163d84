// A stack that many compact coroutines use in turn. Each is bound to one slot for life, because its
// frames hold addresses. Invariants: at most one of them, the resident, has its frames on the
// stack; the frames of the others are copies in the frozen pool, or do not exist yet. Threads:
// `word` and `bound` as they say; the rest by who holds the claim on the word. Not here: the choice
// of a slot (slot_table.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/slot_word.hpp"
#include "runtime/stack_pool.hpp"

namespace c1m::runtime {

struct Coroutine;

struct alignas(64) StackSlot {
  SlotWord<Coroutine> word;
  Coroutine* resident = nullptr;
  std::uint32_t frames_bytes = 0;  // of who was frozen last, for fetching as much into the cache
  std::uint32_t freezes = 0;       // so far
  std::byte* top = nullptr;        // one past the highest byte; set once, with the stack
  Stack stack;
  Atomic<bool> has_stack = false;   // release, after `stack` and `top`
  Atomic<std::uint32_t> bound = 0;  // coroutines; a hint for who looks for a free slot
};

}  // namespace c1m::runtime
