// Arenas, guards, and how free stacks that nobody needs give their pages back; see stack_pool.hpp.
#include "runtime/stack_pool.hpp"

#include <algorithm>
#include <tuple>

#include "os/assert.hpp"
#include "runtime/platform.hpp"

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
  if (free_.size() == promised_) return carve();
  return take_free();
}

os::Result<std::size_t> StackPool::promise(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (free_.size() == promised_) {
    auto stack = carve();
    if (!stack) return std::unexpected(stack.error());
    // Among those without pages: the others, whose pages are warm, are taken before them.
    free_.insert(free_.begin() + static_cast<std::ptrdiff_t>(cold_), *stack);
    ++cold_;
    free_size_.store(free_.size(), std::memory_order_relaxed);
  }
  const std::size_t made = std::min(count, free_.size() - promised_);
  promised_ += made;
  return made;
}

Stack StackPool::take_promised() {
  const std::lock_guard lock(mutex_);
  C1M_ASSERT(promised_ > 0, "a promised stack is taken once");
  --promised_;
  return take_free();
}

void StackPool::take_back_promises(std::size_t count) {
  const std::lock_guard lock(mutex_);
  promised_ -= count;
}

Stack StackPool::take_free() {
  const Stack stack = free_.back();
  free_.pop_back();
  cold_ = std::min(cold_, free_.size());
  unneeded_ = std::min(unneeded_, free_.size());
  free_size_.store(free_.size(), std::memory_order_relaxed);
  return stack;
}

void StackPool::give_back(std::span<const Stack> stacks) {
  const std::lock_guard lock(mutex_);
  for (const Stack& stack : stacks) {
    C1M_ASSERT(stack, "a stack is given back once");
    free_.push_back(stack);
  }
  // Due at once: the next look begins a period, so that the clock is not read here.
  if (reclaim_due_ns() == INT64_MAX && has_many_warm()) {
    reclaim_due_ns_.store(0, std::memory_order_relaxed);
  }
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
  const auto installed = platform::install_guard(bottom, os::page_bytes(), guard_kind_);
  if (!installed) return std::unexpected(installed.error());
  guard_kind_ = *installed;  // what the kernel lacks is asked for once
  carved_.store(number + 1, std::memory_order_relaxed);
  return Stack{.guard = bottom, .number = static_cast<std::uint32_t>(number)};
}

void StackPool::reclaim(os::Nanoseconds now_ns) {
  const std::lock_guard lock(mutex_);
  const os::Nanoseconds due_ns = reclaim_due_ns();
  if (due_ns > now_ns) return;  // another worker was quicker
  const std::size_t keep_from = free_.size() - std::min(warm_stacks_max, free_.size());
  const std::size_t last = due_ns == 0 ? 0 : std::min(unneeded_, keep_from);
  if (last > cold_) {
    const std::size_t first = cold_;
    cold_ = std::min(last, first + reclaim_stacks_max);
    release(first, cold_);
    if (cold_ < last) return;  // due as before: the rest comes next
  }
  unneeded_ = free_.size();
  const os::Nanoseconds next_ns = has_many_warm() ? now_ns + unneeded_ns : INT64_MAX;
  reclaim_due_ns_.store(next_ns, std::memory_order_relaxed);
}

void StackPool::release(std::size_t first, std::size_t last) {
  // Neighbours together, so that a run of them is one call.
  const auto begin = free_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = free_.begin() + static_cast<std::ptrdiff_t>(last);
  std::sort(begin, end,
            [](const Stack& left, const Stack& right) { return left.guard < right.guard; });
  for (auto run = begin; run != end;) {
    auto after = run + 1;
    while (after != end && after->guard == (after - 1)->guard + stack_bytes_) ++after;
    const auto stacks = static_cast<std::size_t>(after - run);
    // A guard inside the run stays. A failure costs memory, not correctness.
    std::ignore = os::release_memory(run->guard, stacks * stack_bytes_);
    run = after;
  }
}

std::span<std::byte> StackPool::usable(Stack stack) const {
  const std::size_t colour_bytes = stack.number % colours * cache_line_bytes;
  return {stack.guard + os::page_bytes(), stack_bytes_ - os::page_bytes() - colour_bytes};
}

}  // namespace c1m::runtime
