// Arenas, guards, and the watermark above which free stacks give their pages back; see
// stack_pool.hpp.
#include "runtime/stack_pool.hpp"

#include <algorithm>
#include <tuple>

#include "os/assert.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t cache_line_bytes = 64;
constexpr std::uint32_t colours = 16;

std::size_t whole_pages(std::size_t bytes) {
  const std::size_t page = os::page_bytes();
  return (bytes + page - 1) / page * page;
}

}  // namespace

StackPool::StackPool(std::size_t stack_bytes, os::GuardKind guard_kind)
    : stack_bytes_(whole_pages(std::max(stack_bytes, stack_bytes_min))), guard_kind_(guard_kind) {}

os::Result<Stack> StackPool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return carve();
  const Stack stack = free_.back();
  free_.pop_back();
  cold_ = std::min(cold_, free_.size());
  free_size_.store(free_.size(), std::memory_order_relaxed);
  return stack;
}

void StackPool::give_back(Stack stack) {
  C1M_ASSERT(stack, "a stack is given back once");
  const std::lock_guard lock(mutex_);
  free_.push_back(stack);
  if (free_.size() - cold_ > 2 * warm_stacks_max) cool_down();
  free_size_.store(free_.size(), std::memory_order_relaxed);
}

os::Result<Stack> StackPool::carve() {
  const std::size_t number = carved();
  const std::size_t in_arena = number % stacks_per_arena;
  if (arenas_.size() * stacks_per_arena == number) {
    auto arena = os::AddressSpace::reserve(stacks_per_arena * stack_bytes_);
    if (!arena) return std::unexpected(arena.error());
    arenas_.push_back(std::move(*arena));
  }
  std::byte* bottom = arenas_.back().data() + in_arena * stack_bytes_;
  const auto installed = os::install_guard(bottom, os::page_bytes(), guard_kind_);
  if (!installed) return std::unexpected(installed.error());
  guard_kind_ = *installed;  // what the kernel lacks is asked for once
  carved_.store(number + 1, std::memory_order_relaxed);
  return Stack{.guard = bottom, .number = static_cast<std::uint32_t>(number)};
}

void StackPool::cool_down() {
  // The front of the free list is what has been unused for longest. Half of the warm ones at a
  // time, so that a coroutine's end pays for it once in warm_stacks_max; neighbours together, so
  // that a run of them is one call.
  const auto first = free_.begin() + static_cast<std::ptrdiff_t>(cold_);
  const auto last = free_.end() - static_cast<std::ptrdiff_t>(warm_stacks_max);
  std::sort(first, last,
            [](const Stack& left, const Stack& right) { return left.guard < right.guard; });
  for (auto run = first; run != last;) {
    auto end = run + 1;
    while (end != last && end->guard == (end - 1)->guard + stack_bytes_) ++end;
    const auto stacks = static_cast<std::size_t>(end - run);
    // A guard inside the run stays. A failure costs memory, not correctness.
    std::ignore = os::release_memory(run->guard, stacks * stack_bytes_);
    run = end;
  }
  cold_ = free_.size() - warm_stacks_max;
}

std::span<std::byte> StackPool::usable(Stack stack) const {
  const std::size_t colour_bytes = stack.number % colours * cache_line_bytes;
  return {stack.guard + os::page_bytes(), stack_bytes_ - os::page_bytes() - colour_bytes};
}

}  // namespace c1m::runtime
