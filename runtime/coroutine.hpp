// The record of one coroutine (Go's G): where it continues, what it runs, what it waits for.
// Invariants: records are never freed while the runtime lives, so that a late waker may look at
// one; what others reach during a wait is here or in its WaitSources, never on the stack; a record
// is one cache line, because a million that wait have one each. Threads: owned as wait_state.hpp
// says. Not here: queues, stacks, and what only a coroutine that has not begun or a wait with a
// deadline needs (start.hpp, wait_sources.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <source_location>

#include "runtime/frozen_image.hpp"
#include "runtime/placement.hpp"
#include "runtime/sanitizer.hpp"
#include "runtime/stack_home.hpp"
#include "runtime/stack_switch.hpp"
#include "runtime/start.hpp"
#include "runtime/wait_reason.hpp"
#include "runtime/wait_state.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

struct Coroutine : CoroutineContext {
  explicit Coroutine(std::uint32_t index_in_table) : index(index_in_table) {}

  [[nodiscard]] WakeToken token() const { return {index, wait.epoch()}; }

  // False until it first runs, and of a free record.
  [[nodiscard]] bool has_begun() const { return saved_point() != nullptr; }

  WaitState wait;
  union {
    // In the global queue, a slot's list, a free list, or a wait group's list.
    Coroutine* next = nullptr;
    // While it waits for what has_object() says (wait_reason.hpp): that object, or the HolderMark
    // of who alone can end the wait.
    const void* awaited;
  };
  StackHome home;
  // What it has elsewhere instead of frames on its stack, or what is free has; one at a time.
  union {
    Start* start = nullptr;  // until it begins
    FrozenImage frozen;      // its frames, while another is in its slot or its stack is frozen
    Coroutine* next_chain;   // of a free record that is the first of its chain (free_chains.hpp)
  };
  WaitNote note;  // for dumps: what it waits for
  // Of its spawn. Atomic, because a dump may look at a record that is being used again.
  std::atomic<std::source_location> where;
  const std::uint32_t index;  // in the table, from 1
  Placement placement;        // where it may run
};
// Of a free one.
inline Coroutine*& chain_link(Coroutine& record) {
  return record.next_chain;
}
static_assert(C1M_ASAN || C1M_TSAN || sizeof(Coroutine) == 64);

}  // namespace c1m::runtime
