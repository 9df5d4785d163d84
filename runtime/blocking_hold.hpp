// Who holds a processor while its worker is in a blocking call: the word in which that worker and
// the monitor, which may give the processor to another worker, meet. Invariant: of the end of a
// call and a take-over of it exactly one succeeds. Threads: begin() and end() by the worker that
// holds the processor, the rest by the monitor.
#pragma once

#include <cstdint>

#include "runtime/atomic.hpp"

namespace c1m::runtime {

class BlockingHold {
 public:
  // The worker goes into a blocking call. Release: a new holder sees the processor as it was left.
  // Returns the number of the call.
  std::uint64_t begin() {
    const std::uint64_t call = word_.load(std::memory_order_relaxed) + 1;
    word_.store(call, std::memory_order_release);
    return call;
  }

  // The call is over. False: the processor has another worker now.
  bool end(std::uint64_t call) {
    return word_.compare_exchange_strong(call, call + 1, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  // The number of the call that goes on, odd; 0 when there is none.
  [[nodiscard]] std::uint64_t call() const {
    const std::uint64_t word = word_.load(std::memory_order_acquire);
    return word % 2 == 0 ? 0 : word;
  }

  // Takes the processor from the worker that is in `call`, unless that has ended.
  bool take_over(std::uint64_t call) { return end(call); }

 private:
  Atomic<std::uint64_t> word_ = 0;  // odd during a call; grows by two with each
};

}  // namespace c1m::runtime
