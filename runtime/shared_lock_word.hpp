// What a shared mutex knows beside the lock among its writers: how many readers there are and
// whether a writer is there, in one word. The scheme is Go's (sync/rwmutex.go): a reader counts
// itself with one addition; a writer, once it is the only one, shuts the door and waits for those
// readers that were inside; when it goes, all readers that have come meanwhile get in before the
// next writer. So neither side starves. Invariants: while the door is shut every reader that has
// counted itself before and leaves, and every one that comes, goes through the lock, where it is
// told apart which is which by `remaining_` and `admitted_`; a reader that came to a shut door is
// let in once. Threads: any; at most one writer at a time is between begin_write() and end_write().
// Not here: the lock among writers, parking and waking (shared_mutex.cpp), so that the model
// machine runs this as it is.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/waiter_queue.hpp"

namespace c1m::runtime {

// `Waiter` is one of WaiterQueue.
template <class Waiter>
class SharedLockWord {
 public:
  // False: the door is shut, and the reader, now counted, goes on with read_or_wait().
  bool begin_read() {
    // Acquire: what the last writer did is visible.
    return (readers_.fetch_add(1, std::memory_order_acquire) & shut) == 0;
  }

  // Without counting itself if the door is shut.
  bool try_begin_read() {
    std::uint32_t seen = readers_.load(std::memory_order_relaxed);
    while ((seen & shut) == 0) {
      if (readers_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // True: it is in. Otherwise end_write() will let it in and return it to somebody who wakes it.
  bool read_or_wait(Waiter& waiter) {
    const std::lock_guard guard(queue_mutex_);
    if (admitted_ > 0) {
      --admitted_;
      return true;
    }
    queue_.append(waiter);
    return false;
  }

  // Returns the writer that the caller must wake, if any.
  Waiter* end_read() {
    // Release: what the reader saw comes before what the next writer does.
    const std::uint32_t before = readers_.fetch_sub(1, std::memory_order_release);
    C1M_ASSERT((before & ~shut) != 0, "only one that has the shared lock gives it up");
    if ((before & shut) == 0) return nullptr;
    const std::lock_guard guard(queue_mutex_);
    // The acquire of the lock, and its release by each of these, passes on what all readers did.
    return --remaining_ == 0 ? std::exchange(writer_, nullptr) : nullptr;
  }

  // By the only writer. True: there are no readers. Otherwise the last of those that are inside
  // returns `writer` to its caller, who wakes it.
  bool begin_write(Waiter& writer) {
    if (try_begin_write()) return true;
    const std::lock_guard guard(queue_mutex_);
    // Acquire: what the readers that have gone did comes before.
    const std::uint32_t inside = readers_.fetch_add(shut, std::memory_order_acquire);
    remaining_ = inside;
    if (inside == 0) return true;
    writer_ = &writer;
    return false;
  }

  bool try_begin_write() {
    std::uint32_t none = 0;
    return readers_.compare_exchange_strong(none, shut, std::memory_order_acquire,
                                            std::memory_order_relaxed);
  }

  // Opens the door, and says which readers the caller must wake.
  [[nodiscard]] TakenWaiters<Waiter> end_write() {
    TakenWaiters<Waiter> taken;
    std::uint32_t only_shut = shut;
    // Release: what the writer did is visible to whoever comes.
    if (readers_.compare_exchange_strong(only_shut, 0, std::memory_order_release,
                                         std::memory_order_relaxed)) {
      return taken;
    }
    const std::lock_guard guard(queue_mutex_);
    const std::uint32_t came = readers_.fetch_sub(shut, std::memory_order_release) & ~shut;
    std::uint32_t in_queue = 0;
    while (Waiter* reader = queue_.take_first()) {
      taken.append(*reader);
      ++in_queue;
    }
    // The others have counted themselves and are on their way to the queue.
    if (in_force(Safeguard::shared_lock_admits)) admitted_ += came - in_queue;
    return taken;
  }

  // Nobody has it, wants it or is on the way.
  [[nodiscard]] bool is_idle() const { return readers_.load(std::memory_order_relaxed) == 0; }

 private:
  static constexpr std::uint32_t shut = std::uint32_t{1} << 31;

  Atomic<std::uint32_t> readers_ = 0;  // and `shut`
  ThreadMutex queue_mutex_;
  // Guarded by queue_mutex_, as all that follows.
  WaiterQueue<Waiter> queue_;  // readers
  Waiter* writer_ = nullptr;   // waits for `remaining_` readers that were inside
  std::uint32_t remaining_ = 0;
  std::uint32_t admitted_ = 0;  // readers that are in and do not know it yet
};

}  // namespace c1m::runtime
