// A lock for many readers or one writer, as std::shared_mutex and Go's sync.RWMutex. Works with
// std::shared_lock, std::unique_lock and std::lock_guard.
// Invariants: a writer that waits lets no further reader in, and when it goes, the readers that
// came meanwhile are in before the next writer: neither side starves. So nobody locks it shared
// twice: a writer in between would stop it for ever. A reader pays two atomic additions. Threads:
// any, coroutines of any runtime and plain threads; the one that locks unlocks. Not here:
// deadlines, an end by Runtime::stop(), and destroying it while another's unlock is under way.
#pragma once

#include "runtime/frame_check.hpp"
#include "runtime/mutex.hpp"
#include "runtime/queued_waiter.hpp"
#include "runtime/shared_lock_word.hpp"

namespace c1m::runtime {

class SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;
  // When nobody has it or wants it.
  ~SharedMutex();

  void lock_shared() {
    check_reachable(this, "SharedMutex::lock_shared");
    if (!word_.begin_read()) wait_to_read();
  }
  [[nodiscard]] bool try_lock_shared() {
    check_reachable(this, "SharedMutex::try_lock_shared");
    return word_.try_begin_read();
  }
  void unlock_shared() {
    check_reachable(this, "SharedMutex::unlock_shared");
    if (QueuedWaiter* writer = word_.end_read()) writer->waker.wake();
  }

  void lock() {
    check_reachable(this, "SharedMutex::lock");
    writers_.lock();
    if (!word_.try_begin_write()) wait_to_write();
  }
  [[nodiscard]] bool try_lock();
  void unlock();

 private:
  void wait_to_read();
  void wait_to_write();

  SharedLockWord<QueuedWaiter> word_;
  Mutex writers_;
};

}  // namespace c1m::runtime
