// A timer that ends waits on a poller at a deadline, and stays set however often a wait ends
// earlier. A timeout of the wait itself is set up with each wait and taken back at its end. Where
// it is the next timer of that CPU to end, either programs the processor's clock, for which a
// virtual machine leaves its guest. Threads: one owner. Not here: the wait (poller.hpp).
#pragma once

#include <utility>

#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"

namespace c1m::os {

class DeadlineTimer {
 public:
  // EMFILE, ENFILE, ENOMEM.
  [[nodiscard]] static Result<DeadlineTimer> create();

  // descriptor() has an edge of EPOLLIN at `deadline_ns` or before: a timer that is to end earlier
  // is left as it is. At once when the deadline has passed. `now_ns`: the monotonic clock's time,
  // read after the last wait, or a timer that has ended is taken for one that is still to.
  void set(Nanoseconds deadline_ns, Nanoseconds now_ns);

  // To be watched edge-triggered; nobody needs to read.
  [[nodiscard]] int descriptor() const { return timer_.get(); }

 private:
  explicit DeadlineTimer(Descriptor timer) : timer_(std::move(timer)) {}
  Descriptor timer_;
  Nanoseconds ends_ns_ = 0;  // as it was set last
};

}  // namespace c1m::os
