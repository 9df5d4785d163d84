// The scheduler's and its workers' part in compact coroutines: a slot for each, one turn a slot,
// and what is counted. See scheduler.hpp, slot_table.hpp and docs/runtime.md.
#include <optional>

#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/stack_slot.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// The slot's stack is in use by another, perhaps: the coroutine is prepared when it first runs.
os::Result<void> Scheduler::bind_to_slot(Coroutine& coroutine, Worker* worker) {
  if (worker != nullptr) {
    auto bound = slots_.bind(coroutine, worker->processor().slot_hint);
    if (bound) worker->processor().counters.compact_spawned.add();
    return bound;
  }
  std::uint32_t hint = slot_hint_outside_.load(std::memory_order_relaxed);
  auto bound = slots_.bind(coroutine, hint);
  slot_hint_outside_.store(hint, std::memory_order_relaxed);
  if (bound) compact_spawned_outside_.fetch_add(1, std::memory_order_relaxed);
  return bound;
}

bool Scheduler::may_queue(Coroutine& coroutine) {
  StackSlot* const slot = coroutine.home.slot();
  if (slot == nullptr) return true;
  Worker* const worker = own_worker();
  // In the slot's list, whoever has the claim may run it.
  std::optional<OutsideVisit> visit;
  if (worker == nullptr) visit.emplace(*this);
  const bool has_claim = slot->word.arrive(coroutine);
  if (has_claim) {
    SlotTable::prefetch(coroutine);
  } else if (worker != nullptr) {
    worker->processor().counters.slot_waits.add();
  } else {
    slot_waits_outside_.fetch_add(1, std::memory_order_relaxed);
  }
  return has_claim;
}

// The claim goes to the next of the slot, which waits its turn behind all that is queued here: so
// the many of a slot do not keep the processor from others.
void Worker::leave_slot(StackSlot& slot) {
  Coroutine* next = slot.word.take_next();
  if (next == nullptr || !in_force(Safeguard::slot_turn)) return;
  processor_->counters.slot_turns.add();
  SlotTable::prefetch(*next);
  push_last(*next);
}

void Scheduler::add_compact_to(RuntimeStatistics& sum) const {
  std::uint64_t spawned = compact_spawned_outside_.load(std::memory_order_relaxed);
  std::uint64_t ended = 0;
  std::uint64_t slot_waits = slot_waits_outside_.load(std::memory_order_relaxed);
  std::uint64_t slot_turns = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t stored_out = 0;
  std::uint64_t stored_in = 0;
  for (const auto& processor : processors_) {
    const ProcessorCounters& counters = processor->counters;
    spawned += counters.compact_spawned.get();
    ended += counters.compact_ended.get();
    slot_waits += counters.slot_waits.get();
    slot_turns += counters.slot_turns.get();
    // An exchange moves as many bytes in as out.
    const std::uint64_t exchanged = counters.exchanged.get();
    sum.copies_out += counters.frozen.get() + exchanged;
    sum.copies_in += counters.thawed.get() + exchanged;
    bytes_out += counters.frozen_bytes.get();
    bytes_in += counters.thawed_bytes.get();
    stored_out += counters.frozen_stored_bytes.get();
    stored_in += counters.thawed_stored_bytes.get();
  }
  const auto difference = [](std::uint64_t more, std::uint64_t less) {
    return more > less ? more - less : 0;  // they are not of one moment
  };
  sum.coroutines_compact = difference(spawned, ended);
  sum.coroutines_frozen = difference(sum.copies_out, sum.copies_in);
  freezer_.add_to(sum);
  sum.frozen_bytes = difference(bytes_out + sum.frozen_bytes, bytes_in);
  sum.frozen_bytes_stored = difference(stored_out + sum.frozen_bytes_stored, stored_in);
  sum.frozen_bytes_reserved = store_.reserved_bytes();
  sum.coroutines_runnable += difference(slot_waits, slot_turns);
  sum.stacks_in_use = difference(sum.coroutines_live, sum.coroutines_compact);
  sum.slots_with_stacks = slots_.with_stacks();
}

}  // namespace c1m::runtime
