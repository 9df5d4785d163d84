// Who holds a lock, or runs a task, for those who ask why somebody waits: an address in the frames
// of whoever it is, by one plain store. From the address follows the coroutine, because its stack
// is its own; so nobody has to ask which coroutine runs, which would cost more than the lock.
// Invariant: it is cleared before the lock is given up, so an address that is seen is the present
// holder's. Threads: take() and clear() by the holder; read by any. Not here: finding the coroutine
// (wait_graph.hpp).
#pragma once

#include <atomic>

namespace c1m::runtime {

class HolderMark {
 public:
  // Inline, or the frame would not be the caller's. Relaxed: whoever reads looks twice.
  [[gnu::always_inline]] void take() {
    frame_.store(__builtin_frame_address(0), std::memory_order_relaxed);
  }
  void clear() { frame_.store(nullptr, std::memory_order_relaxed); }

 private:
  // Not Atomic: the model machine need not look at it. Read as bytes (os/own_memory.hpp), because
  // the lock may go while somebody asks.
  std::atomic<const void*> frame_ = nullptr;
};
static_assert(sizeof(HolderMark) == sizeof(const void*));

}  // namespace c1m::runtime
