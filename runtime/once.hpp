// Something that is done once, by whoever comes first, and is done when anybody goes on: as
// std::call_once and Go's sync.Once. Invariants: a call that throws does not count, and the next
// that waits makes its own; after call() has returned, what the one call did is visible. Threads:
// any, coroutines of any runtime and plain threads. Not here: a call inside of the call, which
// waits for itself for ever.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "runtime/atomic.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/mutex.hpp"

namespace c1m::runtime {

class Once {
 public:
  Once() = default;
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;
  ~Once() = default;

  // Calls `function` unless a call has returned before. Parks while another's call lasts. Throws
  // what `function` throws.
  template <class Function>
  void call(Function&& function) {
    check_reachable(this, "Once::call");
    // Acquire: what the call did is visible.
    if (!done_.load(std::memory_order_acquire)) call_slowly(std::forward<Function>(function));
  }

  [[nodiscard]] bool is_done() const { return done_.load(std::memory_order_acquire); }

 private:
  template <class Function>
  [[gnu::noinline]] void call_slowly(Function&& function) {
    const std::lock_guard lock(mutex_);
    if (done_.load(std::memory_order_relaxed)) return;
    std::invoke(std::forward<Function>(function));
    done_.store(true, std::memory_order_release);
  }

  Atomic<bool> done_ = false;
  Mutex mutex_;
};

}  // namespace c1m::runtime
