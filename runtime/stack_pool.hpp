// Stacks for coroutines: slices of reserved address space, each with a guard below it, reused last
// in, first out, so that the touched pages stay few and warm.
// Invariants: a stack is either with one coroutine or in the free list; no guard is ever removed;
// at least as many are free as are promised, so that a coroutine which was spawned gets one for
// sure when it first runs, and until then uses no memory for it. Threads: any; one lock, which the
// processors' caches of free coroutines keep cold. Not here: growing a stack; finding out who
// overflowed one (stack_overflow.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "os/address_space.hpp"
#include "os/clock.hpp"
#include "os/limits.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

// A slice: the guard at its lower end, and what a coroutine may use of the rest.
struct Stack {
  std::byte* guard = nullptr;
  // So many users must be shallow before it gives the pages back that it grew to; 0: it has not.
  std::uint8_t shallow_users_awaited = 0;

  explicit operator bool() const { return guard != nullptr; }
};

class StackPool {
 public:
  static constexpr std::size_t stack_bytes_min = 16 * 1024;

  // `stack_bytes` counts the guard in; rounded up to whole pages. Guards that are mappings are made
  // only while the process has mappings to spare: as many as `limit` says, or, without one, as the
  // system says when the first of them is made.
  StackPool(std::size_t stack_bytes, os::GuardKind guard_kind,
            std::optional<os::MappingLimit> limit = std::nullopt);

  // Fails when address space, memory or mappings run out; the error names which limit.
  [[nodiscard]] os::Result<Stack> take();
  void give_back(Stack stack) { give_back({&stack, 1}); }
  void give_back(std::span<const Stack> stacks);

  // Makes sure that take_promised() will succeed, up to `count` times; returns how many times, at
  // least 1: as many as there are free stacks, or one that is made for it. Fails as take() does.
  [[nodiscard]] os::Result<std::size_t> promise(std::size_t count);
  // Of those promised.
  [[nodiscard]] Stack take_promised();
  void take_back_promises(std::size_t count);

  // So many free stacks keep their pages in any case. Of more, those lose them that nobody has
  // needed for a second: a program that spawns in bursts gets its stacks back warm.
  static constexpr std::size_t warm_stacks_max = 1024;
  static constexpr os::Nanoseconds unneeded_ns = os::ns_per_s;

  // When reclaim() has something to do, or INT64_MAX. A hint, cheap to read.
  [[nodiscard]] os::Nanoseconds reclaim_due_ns() const {
    return reclaim_due_ns_.load(std::memory_order_relaxed);
  }
  // Releases the pages of at most reclaim_stacks_max stacks, which bounds how long it takes; the
  // workers call it between coroutines, and before they sleep.
  void reclaim(os::Nanoseconds now_ns);
  static constexpr std::size_t reclaim_stacks_max = 256;

  // Who used `stack` has left it, and nothing on it is needed. When it once grew beyond kept_pages
  // and the users since, shallow_users of them, have not, the pages below go back. By who has the
  // stack; without the lock.
  void user_has_left(Stack& stack);
  static constexpr std::size_t kept_pages = 2;
  static constexpr std::uint8_t shallow_users = 16;
  // How often that has happened.
  [[nodiscard]] std::uint64_t shrunk() const { return shrunk_.load(std::memory_order_relaxed); }

  // What the coroutine may use. The top is moved down by a colour of 0 to 15 cache lines: tops at
  // the same place in every page would compete for the same sets of the cache.
  [[nodiscard]] std::span<std::byte> usable(Stack stack) const;
  [[nodiscard]] std::span<std::byte> guard(Stack stack) const {
    return {stack.guard, os::page_bytes()};
  }
  [[nodiscard]] std::size_t stack_bytes() const { return stack_bytes_; }
  // Counts up from stack to stack of an arena, so that neighbours can differ in something.
  [[nodiscard]] std::size_t place(Stack stack) const {
    return reinterpret_cast<std::uintptr_t>(stack.guard) / stack_bytes_;
  }

  // How many stacks there are, in use or not.
  [[nodiscard]] std::size_t carved() const { return carved_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t free() const { return free_size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t stacks_per_arena = 1024;

  // The uppermost page that a user who stays within the kept ones does not touch.
  [[nodiscard]] std::byte* watermark(Stack stack) const {
    return stack.guard + stack_bytes_ - (kept_pages + 1) * os::page_bytes();
  }
  [[nodiscard]] os::Result<Stack> carve();  // the lock is held, as for the next three
  [[nodiscard]] os::Result<void> guard_next();
  [[nodiscard]] os::Result<void> afford_mappings();
  Stack take_free();
  // Both with the lock held.
  [[nodiscard]] bool has_many_warm() const { return free_.size() > cold_ + 2 * warm_stacks_max; }
  void release(std::size_t first, std::size_t last);  // the pages of these places in free_

  const std::size_t stack_bytes_;
  os::GuardKind guard_kind_;
  ThreadMutex mutex_;
  // All guarded by mutex_.
  std::optional<os::MappingLimit> mapping_limit_;
  std::uint64_t mappings_spent_ = 0;
  std::vector<os::AddressSpace> arenas_;
  std::size_t guarded_ = 0;  // how many have their guard: those carved, and some ahead
  std::size_t guards_at_once_ = os::guards_at_once_max;
  std::vector<Stack> free_;
  std::size_t promised_ = 0;
  std::size_t cold_ = 0;      // how many at the front of free_ have no pages
  std::size_t unneeded_ = 0;  // how many there have stayed free since the present period began
  Atomic<std::size_t> carved_ = 0;
  Atomic<std::size_t> free_size_ = 0;
  Atomic<std::uint64_t> shrunk_ = 0;                    // by any
  Atomic<os::Nanoseconds> reclaim_due_ns_ = INT64_MAX;  // written under mutex_
};

}  // namespace c1m::runtime
