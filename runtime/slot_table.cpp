// Binding coroutines to slots and copying their frames; see slot_table.hpp.
#include "runtime/slot_table.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "os/assert.hpp"
#include "runtime/coroutine_entry.hpp"
#include "runtime/processor.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t looks_max = 8;

std::size_t live_bytes(const Coroutine& coroutine) {
  return static_cast<std::size_t>(coroutine.slot->top - coroutine.saved_point());
}

}  // namespace

os::Result<void> SlotTable::bind(Coroutine& coroutine, std::uint32_t& hint) {
  StackSlot& slot = choose(hint);
  if (!slot.has_stack.load(std::memory_order_acquire)) {
    if (auto given = give_stack(slot); !given) return given;
  }
  slot.bound.fetch_add(1, std::memory_order_relaxed);
  coroutine.slot = &slot;
  coroutine.stack = slot.stack;
  return {};
}

void SlotTable::unbind(Coroutine& coroutine) {
  StackSlot& slot = *std::exchange(coroutine.slot, nullptr);
  if (slot.resident == &coroutine) slot.resident = nullptr;
  coroutine.stack = {};
  slot.bound.fetch_sub(1, std::memory_order_relaxed);
}

// The slot at the hint stays the first choice while it is free, so that a coroutine that follows
// one that has ended gets its warm pages.
StackSlot& SlotTable::choose(std::uint32_t& hint) {
  std::size_t best = hint % slots_.size();
  std::uint32_t best_bound = slots_[best].bound.load(std::memory_order_relaxed);
  for (std::size_t look = 1; look < looks_max && best_bound > 0; ++look) {
    const std::size_t index = (hint + look) % slots_.size();
    const std::uint32_t bound = slots_[index].bound.load(std::memory_order_relaxed);
    if (bound < best_bound) {
      best = index;
      best_bound = bound;
    }
  }
  hint = static_cast<std::uint32_t>((best_bound == 0 ? best : hint + 1) % slots_.size());
  return slots_[best];
}

os::Result<void> SlotTable::give_stack(StackSlot& slot) {
  const std::lock_guard lock(mutex_);
  if (slot.has_stack.load(std::memory_order_relaxed)) return {};
  auto stack = stacks_.take();
  if (!stack) return std::unexpected(stack.error());
  const auto usable = stacks_.usable(*stack);
  slot.stack = *stack;
  slot.top = usable.data() + usable.size();
  slot.has_stack.store(true, std::memory_order_release);
  with_stacks_.store(with_stacks() + 1, std::memory_order_relaxed);
  return {};
}

void SlotTable::move_in(Coroutine& coroutine, Processor& processor) {
  StackSlot& slot = *coroutine.slot;
  if (slot.resident == &coroutine) return;
  if (slot.resident != nullptr) freeze(*slot.resident, processor);
  slot.resident = &coroutine;
  if (coroutine.frozen == nullptr) {
    // Its first run: until now there was nothing of it on the stack.
    C1M_ASSERT(coroutine.saved_point() == nullptr, "who is neither frozen nor resident is new");
    coroutine.prepare(stacks_.usable(slot.stack), coroutine_entry);
  } else {
    thaw(coroutine, processor);
  }
}

void SlotTable::freeze(Coroutine& coroutine, Processor& processor) {
  const std::size_t bytes = live_bytes(coroutine);
  coroutine.frozen = processor.frozen_blocks.take(bytes, frozen_);
  std::memcpy(coroutine.frozen, coroutine.saved_point(), bytes);
  processor.counters.frozen.add();
  processor.counters.frozen_bytes.add(bytes);
}

void SlotTable::thaw(Coroutine& coroutine, Processor& processor) {
  const std::size_t bytes = live_bytes(coroutine);
  std::memcpy(coroutine.saved_point(), coroutine.frozen, bytes);
  processor.frozen_blocks.give_back(std::exchange(coroutine.frozen, nullptr), bytes, frozen_);
  processor.counters.thawed.add();
  processor.counters.thawed_bytes.add(bytes);
}

void SlotTable::take_blocks_from(Processor& processor) {
  processor.frozen_blocks.empty_into(frozen_);
}

}  // namespace c1m::runtime
