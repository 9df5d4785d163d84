// Binding coroutines to slots and copying their frames; see slot_table.hpp.
#include "runtime/slot_table.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <span>
#include <utility>

#include "os/assert.hpp"
#include "runtime/cache_line.hpp"
#include "runtime/processor.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t looks_max = 8;
constexpr std::size_t prefetch_bytes_max = 1024;
// A look at whether the slot's stack has grown reads a page that is not in the cache.
constexpr std::uint32_t freezes_per_look = 16;

// The pool's colours move tops within a quarter of a page; slots, which take turns, use three of
// these quarters, so that the live parts of all of them find room in the second level cache.
std::span<std::byte> usable_of(Stack stack, const StackPool& pool) {
  constexpr std::size_t quarter_bytes = 1024;
  const auto usable = pool.usable(stack);
  return usable.first(usable.size() - pool.place(stack) / 16 % 3 * quarter_bytes);
}

std::uintptr_t guard_of(const StackSlot* slot) {
  return reinterpret_cast<std::uintptr_t>(slot->stack.guard);
}

Frames frames_of(Coroutine& coroutine) {
  return {.live = {coroutine.saved_point(), coroutine.home.slot()->top},
          .record = std::as_bytes(std::span(&coroutine, 1))};
}

}  // namespace

os::Result<void> SlotTable::bind(Coroutine& coroutine, std::uint32_t& hint) {
  StackSlot& slot = choose(hint);
  if (!slot.has_stack.load(std::memory_order_acquire)) {
    if (auto given = give_stack(slot); !given) return given;
  }
  slot.bound.fetch_add(1, std::memory_order_relaxed);
  coroutine.home = StackHome(slot);
  return {};
}

void SlotTable::unbind(Coroutine& coroutine) {
  StackSlot& slot = *std::exchange(coroutine.home, {}).slot();
  if (slot.resident == &coroutine) {
    slot.resident = nullptr;
    stacks_.user_has_left(slot.stack);
  }
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
  const auto usable = usable_of(*stack, stacks_);
  slot.stack = *stack;
  slot.top = usable.data() + usable.size();
  slot.has_stack.store(true, std::memory_order_release);
  by_address_.insert(std::ranges::upper_bound(by_address_, guard_of(&slot), {}, guard_of), &slot);
  with_stacks_.store(with_stacks() + 1, std::memory_order_relaxed);
  return {};
}

const StackSlot* SlotTable::slot_at(const void* address) const {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const std::lock_guard lock(mutex_);
  const auto behind = std::ranges::upper_bound(by_address_, number, {}, guard_of);
  if (behind == by_address_.begin()) return nullptr;
  const StackSlot* const below = *std::prev(behind);
  return number - guard_of(below) < stacks_.stack_bytes() ? below : nullptr;
}

void SlotTable::prefetch(const Coroutine& coroutine) {
  const StackSlot& slot = *coroutine.home.slot();
  if (slot.resident == &coroutine) return;
  __builtin_prefetch(slot.resident);
  for (std::size_t bytes = 0; bytes < slot.frames_bytes; bytes += cache_line_bytes) {
    __builtin_prefetch(slot.top - bytes - cache_line_bytes);
  }
  const std::byte* const block = coroutine.frozen.block();
  if (block == nullptr) return;
  __builtin_prefetch(block);
  __builtin_prefetch(block + cache_line_bytes);
}

void SlotTable::move_in(Coroutine& coroutine, Processor& processor) {
  StackSlot& slot = *coroutine.home.slot();
  Coroutine* const resident = slot.resident;
  if (resident == &coroutine) return;
  slot.resident = &coroutine;
  if (!coroutine.has_begun()) {
    if (resident != nullptr) freeze(*resident, processor);
    coroutine.prepare(usable_of(slot.stack, stacks_));
    return;
  }
  if (resident != nullptr) {
    if (exchange(*resident, coroutine, processor)) return;
    freeze(*resident, processor);
  }
  thaw(coroutine, processor);
}

bool SlotTable::exchange(Coroutine& resident, Coroutine& coroutine, Processor& processor) {
  const TemplateNumber number = coroutine.frozen.template_number();
  const Frames frames = frames_of(resident);
  // The same size at the same top is the same place.
  if (number == 0 || resident.saved_point() != coroutine.saved_point()) return false;
  const FrameTemplate& both = store_.template_at(number);
  if (!both.matches(frames)) return false;
  std::byte* const block = coroutine.frozen.block();
  both.exchange(frames, frames_of(coroutine).record, block);
  note_freeze(*coroutine.home.slot(), frames);
  resident.frozen = FrozenImage(block, number);
  coroutine.frozen = FrozenImage(nullptr, number);
  processor.counters.exchanged.add();
  return true;
}

// Its frames are elsewhere: those far down in the stack may be gone after this.
void SlotTable::note_freeze(StackSlot& slot, const Frames& frames) {
  slot.frames_bytes = static_cast<std::uint32_t>(std::min(frames.live.size(), prefetch_bytes_max));
  if (++slot.freezes % freezes_per_look == 0) stacks_.user_has_left(slot.stack);
}

void SlotTable::freeze(Coroutine& coroutine, Processor& processor) {
  const Frames frames = frames_of(coroutine);
  const FrameStore::Stored stored = store_.put(frames, coroutine.frozen.template_number(),
                                               processor.frozen_blocks, processor.frame_learner);
  coroutine.frozen = stored.image;
  note_freeze(*coroutine.home.slot(), frames);
  processor.counters.frozen.add();
  processor.counters.frozen_bytes.add(frames.live.size());
  processor.counters.frozen_stored_bytes.add(stored.block_bytes);
}

void SlotTable::thaw(Coroutine& coroutine, Processor& processor) {
  const Frames frames = frames_of(coroutine);
  const std::size_t stored = store_.take(coroutine.frozen, frames, processor.frozen_blocks);
  coroutine.frozen = FrozenImage(nullptr, coroutine.frozen.template_number());
  processor.counters.thawed.add();
  processor.counters.thawed_bytes.add(frames.live.size());
  processor.counters.thawed_stored_bytes.add(stored);
}

}  // namespace c1m::runtime
