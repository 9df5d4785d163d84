// How a worker comes by records, stacks and blocks, and gives them back: the processor's caches
// first, then the scheduler's table and pools. See worker.hpp.
#include <span>
#include <utility>

#include "os/clock.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/platform.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// Of a coroutine that has no slot.
void Worker::bring_frames(Coroutine& coroutine) {
  if (coroutine.home.none()) {
    attach_stack(coroutine);
  } else {
    scheduler_.freezer().thaw(coroutine, *processor_);
  }
}

// The first run of a coroutine with a stack of its own.
void Worker::attach_stack(Coroutine& coroutine) {
  StackPool& stacks = scheduler_.stacks();
  Processor& processor = *processor_;
  if (processor.free_stack_count == 0) {
    coroutine.home.give(stacks.take_promised());
  } else {
    coroutine.home.give(processor.free_stacks[--processor.free_stack_count]);
    // What the pool has promised to this coroutine is free for another.
    if (++processor.stack_promises == 2 * Scheduler::stack_promises_batch) {
      processor.stack_promises -= Scheduler::stack_promises_batch;
      stacks.take_back_promises(Scheduler::stack_promises_batch);
    }
  }
  coroutine.prepare(stacks.usable(coroutine.home.stack()));
  if (!coroutine.home.is_freezable()) return;
  processor.counters.freezable_begun.add();
  if constexpr (frames_are_checked) scheduler_.freezer().note_owner(coroutine);
}

void Worker::recycle(Coroutine& coroutine) {
  Processor& processor = *processor_;
  coroutine.release();
  coroutine.wait.set(CoroutineState::free);
  processor.counters.ended.add();
  if (coroutine.home.slot() != nullptr) {
    scheduler_.slots().unbind(coroutine);
    processor.counters.compact_ended.add();
  } else {
    if (coroutine.home.is_freezable()) {
      processor.counters.freezable_ended.add();
      if constexpr (frames_are_checked) scheduler_.freezer().forget_owner(coroutine);
    }
    keep_stack(std::exchange(coroutine.home, {}).stack());
  }
  const FreeList<Coroutine> surplus = processor.free_coroutines.put(&coroutine);
  if (surplus.count > 0) scheduler_.table().give_back(surplus);
}

void Worker::keep_stack(Stack stack) {
  Processor& processor = *processor_;
  scheduler_.stacks().user_has_left(stack);
  if (processor.free_stack_count == processor.free_stacks.size()) {
    const std::size_t half = processor.free_stacks.size() / 2;
    processor.free_stack_count -= half;
    scheduler_.stacks().give_back(
        std::span(processor.free_stacks).subspan(processor.free_stack_count, half));
  }
  processor.free_stacks[processor.free_stack_count++] = stack;
}

os::Result<Coroutine*> Worker::take_record() {
  CoroutineTable::Cache& cache = processor_->free_coroutines;
  if (Coroutine* const one = cache.take()) return one;
  auto records = scheduler_.table().take_chain();
  if (!records) return std::unexpected(records.error());
  Coroutine* const one = records->pop();
  cache.refill(*records);
  return one;
}

void* Worker::take_block(std::size_t bytes) {
  return processor_->blocks.take(bytes, scheduler_.blocks());
}

void Worker::give_back_block(void* block, std::size_t bytes) {
  processor_->blocks.give_back(static_cast<std::byte*>(block), bytes, scheduler_.blocks());
}

void Worker::reclaim_stacks() {
  StackPool& stacks = scheduler_.stacks();
  if (stacks.reclaim_due_ns() == INT64_MAX) return;
  const os::Nanoseconds now_ns = platform::monotonic_ns();  // memory does not live in virtual time
  if (stacks.reclaim_due_ns() <= now_ns) stacks.reclaim(now_ns);
}

}  // namespace c1m::runtime
