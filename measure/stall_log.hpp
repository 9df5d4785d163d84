// When something stood still: intervals on CLOCK_MONOTONIC, the longest ones kept in memory of a
// fixed size that a shard may share with its supervisor. Invariant: `total()` counts all of them,
// kept or not. Threads: one writer; reading is for when the writer has ended or is stopped. Not
// here: finding them (loop_meter, platform_meter), saying why (scripts/c1m/pauses).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "os/clock.hpp"
#include "os/thread_usage.hpp"

namespace c1m::measure {

struct Stall {
  os::Nanoseconds begin_ns = 0;
  os::Nanoseconds end_ns = 0;
  // How long of it is known: all of it, or what a counter of the kernel grew by between two looks.
  os::Nanoseconds amount_ns = 0;
  // What the thread used between a look up to a tick before the stall and its end.
  bool has_usage = false;
  os::ThreadUsage usage;
};

class StallLog {
 public:
  // A loop with a tick of 20 ms has room for forty seconds in which it does nothing but stall.
  static constexpr std::size_t kept_max = 2048;

  // Some tens of ns, whether it is full or not.
  void add(const Stall& stall);

  [[nodiscard]] std::uint64_t total() const { return total_; }
  // Those with the greatest amounts, in the order of their beginning.
  [[nodiscard]] std::vector<Stall> kept() const;

 private:
  std::array<Stall, kept_max> stalls_{};  // the first count_ are a heap, the shortest at its top
  std::size_t count_ = 0;
  std::uint64_t total_ = 0;
};
static_assert(std::is_trivially_destructible_v<StallLog>);

}  // namespace c1m::measure
