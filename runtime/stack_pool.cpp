// Arenas, guards, and how stacks give back pages that nobody needs; see stack_pool.hpp.
//
// A free stack gives them back when it has not been needed for a second. One that is used again and
// again never stays free for so long, so whether it once grew is looked at each time that its user
// leaves. A mark written below the pages that most users need would cost each stack a page of
// memory; therefore the mark is that nobody has written: a page of an arena that was never written
// reads as zeros, out of the one page of zeros that the kernel has for everybody. So a shallow use
// costs some loads from lines that are the same, and warm, for all stacks, and each stack's first
// user a page fault without memory. Growing once makes a stack wait for shallow_users in a row
// before it shrinks, or a program whose coroutines all grow would fault its pages in each time.
#include "runtime/stack_pool.hpp"

#include <algorithm>
#include <tuple>

#include "os/assert.hpp"
#include "runtime/cache_line.hpp"
#include "runtime/platform.hpp"

namespace c1m::runtime {
namespace {

constexpr std::size_t colours = 16;
// A guard splits a mapping, and the stack above it is one of its own.
constexpr std::uint64_t mappings_per_guard = 2;

std::size_t whole_pages(std::size_t bytes) {
  const std::size_t page = os::page_bytes();
  return (bytes + page - 1) / page * page;
}

// Whether somebody has written to this page, going by a word in every 512 bytes; if so, it looks
// afterwards as if nobody had. Who grows without leaving anything but zeros there is not noticed.
// Not for AddressSanitizer: the words are nobody's variables.
[[gnu::no_sanitize_address]] bool forget_writes(std::byte* page) {
  using AnyWord [[gnu::may_alias]] = std::uint64_t;
  bool written = false;
  for (std::size_t offset = 0; offset < os::page_bytes(); offset += 512) {
    auto* const word = reinterpret_cast<AnyWord*>(page + offset);
    if (*word == 0) continue;  // without a write, which would cost the page
    *word = 0;
    written = true;
  }
  return written;
}

}  // namespace

StackPool::StackPool(std::size_t stack_bytes, os::GuardKind guard_kind,
                     std::optional<os::MappingLimit> limit)
    : stack_bytes_(whole_pages(std::max(stack_bytes, stack_bytes_min))),
      guard_kind_(guard_kind),
      mapping_limit_(limit) {}

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

// Beyond the limit the kernel would refuse mappings to whoever asks next: a thread's stack, malloc.
os::Result<void> StackPool::afford_mappings() {
  if (!mapping_limit_) {
    // Where it cannot be read, the kernel's refusal is the limit.
    mapping_limit_ = os::mapping_limit().value_or(os::MappingLimit{.max = INT64_MAX});
  }
  if (mappings_spent_ + mappings_per_guard > mapping_limit_->left()) {
    return os::fail(ENOMEM, os::mappings_used_up(*mapping_limit_));
  }
  mappings_spent_ += mappings_per_guard;
  return {};
}

os::Result<Stack> StackPool::carve() {
  const std::size_t number = carved();
  if (guarded_ == number) {
    if (auto guarded = guard_next(); !guarded) return std::unexpected(guarded.error());
  }
  std::byte* const bottom = arenas_.back().data() + number % stacks_per_arena * stack_bytes_;
  carved_.store(number + 1, std::memory_order_relaxed);
  return Stack{.guard = bottom};
}

// For one stack, or for several of the arena, which has their page tables already unless stacks are
// larger than these span: the system call is the dearest part of a stack after its first page.
os::Result<void> StackPool::guard_next() {
  if (guard_kind_ == os::GuardKind::mapping) {
    if (auto afforded = afford_mappings(); !afforded) return afforded;
  }
  if (arenas_.size() * stacks_per_arena == guarded_) {
    auto arena = os::AddressSpace::reserve(stacks_per_arena * stack_bytes_);
    if (!arena) return std::unexpected(arena.error());
    arenas_.push_back(std::move(*arena));
  }
  const std::size_t in_arena = guarded_ % stacks_per_arena;
  const std::size_t wanted = std::min(guards_at_once_, stacks_per_arena - in_arena);
  std::byte* const bottom = arenas_.back().data() + in_arena * stack_bytes_;
  const auto installed =
      platform::install_guards(bottom, os::page_bytes(), stack_bytes_, wanted, guard_kind_);
  if (!installed) return std::unexpected(installed.error());
  // What the kernel lacks, or once had no memory for, is asked for once.
  guard_kind_ = installed->kind;
  if (installed->count < wanted) guards_at_once_ = 1;
  guarded_ += installed->count;
  return {};
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

void StackPool::user_has_left(Stack& stack) {
  std::byte* const page = watermark(stack);
  if (forget_writes(page)) {
    stack.shallow_users_awaited = shallow_users;
    return;
  }
  if (stack.shallow_users_awaited == 0) return;
  --stack.shallow_users_awaited;
  if (stack.shallow_users_awaited > 0) return;
  std::byte* const lowest = stack.guard + os::page_bytes();
  const auto bytes = static_cast<std::size_t>(page - lowest) + os::page_bytes();
  std::ignore = os::release_memory(lowest, bytes);  // a failure costs memory, not correctness
  shrunk_.fetch_add(1, std::memory_order_relaxed);
}

std::span<std::byte> StackPool::usable(Stack stack) const {
  const std::size_t colour_bytes = place(stack) % colours * cache_line_bytes;
  return {stack.guard + os::page_bytes(), stack_bytes_ - os::page_bytes() - colour_bytes};
}

}  // namespace c1m::runtime
