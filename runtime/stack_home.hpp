// Where a coroutine's frames belong: a stack of its own, a slot that it shares, or nothing until it
// first runs. One word, because a coroutine never has both and records are many: both addresses are
// aligned, so the lowest bit can say which, and the next have the stack's count. Threads: by
// whoever owns the coroutine. Not here: where frozen frames are (coroutine.hpp).
#pragma once

#include <cstdint>

#include "runtime/stack_pool.hpp"
#include "runtime/stack_slot.hpp"

namespace c1m::runtime {

class StackHome {
 public:
  StackHome() = default;
  explicit StackHome(Stack own)
      : word_(reinterpret_cast<std::uintptr_t>(own.guard) |
              std::uintptr_t{own.shallow_users_awaited} << 1) {}
  explicit StackHome(StackSlot& slot) : word_(reinterpret_cast<std::uintptr_t>(&slot) | in_slot) {}

  [[nodiscard]] bool none() const { return word_ == 0; }
  // NOLINTBEGIN(performance-no-int-to-ptr): the word holds an address and marks.
  // nullptr for a coroutine that has, or will have, a stack of its own.
  [[nodiscard]] StackSlot* slot() const {
    const bool shared = (word_ & in_slot) != 0;
    return shared ? reinterpret_cast<StackSlot*>(word_ - in_slot) : nullptr;
  }
  // Its own, or its slot's.
  [[nodiscard]] Stack stack() const {
    if (const StackSlot* shared = slot()) return shared->stack;
    return {.guard = reinterpret_cast<std::byte*>(word_ & ~below_page),
            .shallow_users_awaited = static_cast<std::uint8_t>(word_ >> 1)};
  }

  // NOLINTEND(performance-no-int-to-ptr)

 private:
  static constexpr std::uintptr_t in_slot = 1;
  static constexpr std::uintptr_t below_page = 4096 - 1;  // where the stack's count is
  std::uintptr_t word_ = 0;
};

}  // namespace c1m::runtime
