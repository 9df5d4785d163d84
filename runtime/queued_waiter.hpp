// A place in a queue of those that wait (waiter_queue.hpp), in a block of the waiter's own
// (wait_block.hpp). Threads: under the queue's lock. Not here: the wait itself (any_wait.hpp).
#pragma once

#include "runtime/waker.hpp"

namespace c1m::runtime {

struct QueuedWaiter {
  using Ended = EndedWait;

  QueuedWaiter* previous = nullptr;
  QueuedWaiter* next = nullptr;
  Waker waker;
  bool queued = false;

  [[nodiscard]] EndedWait end() const { return waker.end(); }
};

}  // namespace c1m::runtime
