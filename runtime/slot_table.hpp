// The stack slots of a runtime: choosing one for a new coroutine, and moving frames out of and into
// it. Invariants: a slot gets its stack with its first coroutine and keeps it; frames move only
// between runs, by the worker that holds the slot. Threads: bind() and unbind() by any; move_in()
// by the worker that is about to resume the coroutine. Not here: who runs next (slot_word.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "os/result.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/frame_store.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/stack_slot.hpp"

namespace c1m::runtime {

struct Processor;

class SlotTable {
 public:
  SlotTable(std::size_t slots, StackPool& stacks, FrameStore& store)
      : stacks_(stacks), store_(store), slots_(slots) {}

  // Gives the coroutine a slot near `hint`: a free one if one of eight is, else the least loaded of
  // them. `hint` is the caller's and moves on. Fails as StackPool::take() does.
  [[nodiscard]] os::Result<void> bind(Coroutine& coroutine, std::uint32_t& hint);
  // The coroutine has ended, or never began. By who holds the slot, in the first case.
  void unbind(Coroutine& coroutine);

  // The coroutine holds the claim on its slot and is queued: move_in() will want this soon.
  static void prefetch(const Coroutine& coroutine);

  // Puts the coroutine's frames onto its slot's stack, and the resident's elsewhere.
  void move_in(Coroutine& coroutine, Processor& processor);

  // The slot on whose stack `address` lies, or nullptr. Any thread; takes the lock.
  [[nodiscard]] const StackSlot* slot_at(const void* address) const;

  [[nodiscard]] std::size_t with_stacks() const {
    return with_stacks_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] StackSlot& choose(std::uint32_t& hint);
  [[nodiscard]] os::Result<void> give_stack(StackSlot& slot);
  void freeze(Coroutine& coroutine, Processor& processor);
  void thaw(Coroutine& coroutine, Processor& processor);
  // freeze() and thaw() in one, where both would use the same template: true when they have.
  bool exchange(Coroutine& resident, Coroutine& coroutine, Processor& processor);
  void note_freeze(StackSlot& slot, const Frames& frames);

  StackPool& stacks_;
  FrameStore& store_;
  mutable ThreadMutex mutex_;           // for the first use of a slot
  std::vector<StackSlot*> by_address_;  // of those with stacks; guarded by mutex_
  Atomic<std::size_t> with_stacks_ = 0;
  std::vector<StackSlot> slots_;  // the number never changes
};

}  // namespace c1m::runtime
