// The one name by which the runtime's shared words are atomic, so that a model checker can take the
// place of std::atomic and run the queues and words that production runs.
// Threads: as std::atomic. Not here: thread_local state (thread_state.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "os/call_watch.hpp"
#include "os/pause.hpp"

#if defined(C1M_RUNTIME_MODEL)
#include "runtime/model/model_atomic.hpp"  // the same names, on the machine of model_test
#endif

namespace c1m::runtime {

#if !defined(C1M_RUNTIME_MODEL)
template <class T>
using Atomic = std::atomic<T>;

// A lock between threads. One that is free costs what std::mutex costs; who finds it taken looks
// some times before it sleeps, for most sections are shorter than a sleep with its wake-up. Waiting
// for it is seen by os/call_watch.hpp.
class ThreadMutex {
 public:
  void lock() {
    if (!mutex_.try_lock()) wait_and_lock();
  }
  [[nodiscard]] bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  // Together some microseconds.
  static constexpr int looks = 16;
  static constexpr int pauses = 8;

  [[gnu::noinline]] void wait_and_lock() {
    const os::TimedCall timed(os::WatchedCall::lock_wait);
    for (int look = 0; look < looks; ++look) {
      for (int i = 0; i < pauses; ++i) os::pause_cpu();
      if (mutex_.try_lock()) return;
    }
    mutex_.lock();
  }

  std::mutex mutex_;
};

// Orders an earlier store before a later load (Dekker's pattern), which release and acquire do not.
inline void store_load_fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
#endif

// A counter that one thread at a time writes and any thread reads: no locked instruction.
class Counter {
 public:
  void add(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

}  // namespace c1m::runtime
