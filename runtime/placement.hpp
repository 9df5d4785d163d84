// Where a coroutine may run: anywhere, on one processor only, or on one thread only.
// Threads: by whoever owns the coroutine, as wait_state.hpp says. Not here: what follows from it
// (affinity.cpp).
#pragma once

#include <cstdint>

namespace c1m::runtime {

struct Placement {
  static constexpr std::uint16_t anywhere = UINT16_MAX;

  std::uint16_t pinned_to = anywhere;  // the index of a processor
  std::uint16_t ran_on = anywhere;     // likewise, when it ran last
  bool has_thread = false;             // it is locked to a worker; the scheduler knows which

  [[nodiscard]] bool is_pinned() const { return pinned_to != anywhere; }
};

}  // namespace c1m::runtime
