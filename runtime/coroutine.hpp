// The record of one coroutine (Go's G): where it continues, what it runs, what it waits for.
// Invariants: records are never freed while the runtime lives, so that a late waker may look at
// one; everything that others reach during a wait (the timer, the wait state) is here, never on the
// stack. Threads: owned as wait_state.hpp says. Not here: queues and stacks themselves.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <source_location>

#include "runtime/cancel_state.hpp"
#include "runtime/placement.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/stack_switch.hpp"
#include "runtime/timer_heap.hpp"
#include "runtime/wait_reason.hpp"
#include "runtime/wait_state.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

struct StackSlot;

struct Coroutine : CoroutineContext {
  explicit Coroutine(std::uint32_t index_in_table) : index(index_in_table) {}

  [[nodiscard]] WakeToken token() const { return {index, wait.epoch()}; }

  WaitState wait;
  Timer timer;                  // for sleeping, or for the deadline of another wait
  CancelLink cancel_link;       // for a wait that a context may end
  Coroutine* next = nullptr;    // in the global queue, a slot's list, a free list, or a lock's list
  Stack stack;                  // its own, kept while the record is cached for reuse, or its slot's
  StackSlot* slot = nullptr;    // of a compact coroutine
  std::byte* frozen = nullptr;  // its frames, while another is resident in its slot
  const std::uint32_t index;    // in the table, from 1
  Placement placement;          // where it may run
  WaitNote note;                // for dumps: what it waits for
  // Of its spawn. Atomic, because a dump may look at a record that is being used again.
  std::atomic<std::source_location> where;
  std::move_only_function<void()> function;
};

}  // namespace c1m::runtime
