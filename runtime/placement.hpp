// Where a coroutine may run: anywhere, on one processor only, or on one thread only.
// Packed into a word, for the sake of the record. Threads: by whoever owns the coroutine, as
// wait_state.hpp says. Not here: what follows from it (affinity.cpp).
#pragma once

#include <cstdint>

namespace c1m::runtime {

struct Placement {
  static constexpr std::uint16_t anywhere = INT16_MAX;

  std::uint16_t pinned_to : 15 = anywhere;  // the index of a processor
  bool has_thread : 1 = false;              // locked to a worker; the scheduler knows which
  std::uint16_t ran_on = anywhere;          // the index of a processor, when it ran last

  [[nodiscard]] bool is_pinned() const { return pinned_to != anywhere; }
};

}  // namespace c1m::runtime
