// Which sessions of an event loop to look at next, so that each is seen once a period without a
// timer of its own: the table of connections is gone through in slices, one at a time. Invariants:
// no memory a connection; a slice is short, so no message waits long for it. Threads: the loop's.
// Not here: the table.
#pragma once

#include <cstddef>

#include "os/clock.hpp"
#include "protocol/session_timer.hpp"

namespace c1m::servers::app {

class SessionSweep {
 public:
  // Often enough that no limit is passed by more than an eighth, and a second at most.
  explicit SessionSweep(const protocol::TimeLimits& limits);
  explicit SessionSweep(os::Nanoseconds period_ns) : period_ns_(period_ns) {}

  struct Slice {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  // What to look at now in a table of this size; empty when it is not time yet.
  [[nodiscard]] Slice due(std::size_t size, os::Nanoseconds now_ns);

  // Until the next slice; 0 when it is due.
  [[nodiscard]] os::Nanoseconds wait_ns(os::Nanoseconds now_ns) const;

  static constexpr std::size_t slice_max = 4096;

 private:
  os::Nanoseconds period_ns_;
  os::Nanoseconds next_ns_ = 0;
  std::size_t position_ = 0;
};

}  // namespace c1m::servers::app
