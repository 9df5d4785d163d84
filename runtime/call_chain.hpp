// Where a coroutine waits: the return addresses of its calls, from the park outward. They are found
// when somebody asks, from the saved stack pointer along the frame pointers, so that waiting costs
// nothing for it. Invariant: only memory of the coroutine's own stack is read, which stays mapped
// while the runtime lives. Threads: capture by any, of any coroutine. Not here: names for the
// addresses (os/symbolizer.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace c1m::runtime {

struct Coroutine;
class StackPool;

// What is known of it.
enum class ChainKind : std::uint8_t {
  none,    // it does not wait, or it changed during the look
  frames,  // the calls
  frozen,  // a compact or freezable coroutine whose frames are copies elsewhere
};

struct CallChain {
  static constexpr std::size_t calls_max = 24;

  ChainKind kind = ChainKind::none;
  std::uint8_t count = 0;
  std::array<const void*, calls_max> return_addresses{};  // innermost first

  [[nodiscard]] std::span<const void* const> calls() const {
    return std::span(return_addresses).first(count);
  }
  bool operator==(const CallChain&) const = default;
};

// Of one that waits; the caller looks at its wait before and after. Ends where a function was
// compiled without a frame pointer.
[[nodiscard]] CallChain capture_calls(const Coroutine& coroutine, const StackPool& stacks);

}  // namespace c1m::runtime
