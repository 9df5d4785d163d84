// Where a coroutine's frames belong: a stack of its own, a slot that it shares, or nothing until it
// first runs. One word, because a coroutine never has both and records are many: both addresses are
// aligned, so the lowest bit can say which, and the next have the stack's count. The highest bits,
// which no address has, say of a stack of one's own whether its frames may be frozen, and are.
// Threads: by whoever owns the coroutine, which is the freezer while it freezes. Not here: where
// frozen frames are (coroutine.hpp).
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
  // Of a coroutine that is yet to get a stack of its own, and whose frames may be frozen there.
  [[nodiscard]] static StackHome freezable_without_stack() {
    StackHome home;
    home.word_ = absent | may_freeze;
    return home;
  }

  [[nodiscard]] bool none() const { return (word_ & addresses) == 0; }
  // For who has no slot: the coroutine may be resumed as it is. One comparison with zero, because
  // every resume asks.
  [[nodiscard]] bool has_own_frames() const { return static_cast<std::intptr_t>(word_) > 0; }
  [[nodiscard]] bool is_freezable() const { return (word_ & may_freeze) != 0; }
  [[nodiscard]] bool is_frozen() const { return (word_ & absent) != 0 && !none(); }

  // A stack of its own, which it had not; what it said of freezing stays.
  void give(Stack own) { word_ = StackHome(own).word_ | (word_ & may_freeze); }
  // Of one that is freezable and has its stack.
  void set_frozen(bool frozen) { word_ = frozen ? word_ | absent : word_ & ~absent; }
  // NOLINTBEGIN(performance-no-int-to-ptr): the word holds an address and marks.
  // nullptr for a coroutine that has, or will have, a stack of its own.
  [[nodiscard]] StackSlot* slot() const {
    const bool shared = (word_ & in_slot) != 0;
    return shared ? reinterpret_cast<StackSlot*>(word_ - in_slot) : nullptr;
  }
  // Its own, or its slot's.
  [[nodiscard]] Stack stack() const {
    if (const StackSlot* shared = slot()) return shared->stack;
    return {.guard = reinterpret_cast<std::byte*>(word_ & addresses & ~below_page),
            .shallow_users_awaited = static_cast<std::uint8_t>(word_ >> 1)};
  }

  // NOLINTEND(performance-no-int-to-ptr)

 private:
  static constexpr std::uintptr_t in_slot = 1;
  static constexpr std::uintptr_t below_page = 4096 - 1;  // where the stack's count is
  static constexpr std::uintptr_t absent = std::uintptr_t{1} << 63;
  static constexpr std::uintptr_t may_freeze = std::uintptr_t{1} << 62;
  static constexpr std::uintptr_t addresses = (std::uintptr_t{1} << 48) - 1;
  std::uintptr_t word_ = 0;
};

}  // namespace c1m::runtime
