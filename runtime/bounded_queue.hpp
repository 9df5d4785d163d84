// A queue of limited length between coroutines and plain threads: who puts into a full one waits,
// which is the back pressure, and who takes from an empty one waits.
// Invariants: first in, first out; never longer than its limit; memory is taken once, for the
// limit; after close() nothing more goes in, and what is in still comes out; notifications are
// given with the mutex locked, so whoever learns of an item, or of the close, may destroy the
// queue. Threads: any. Not here: waiting for one of several queues.
#pragma once

#include <cerrno>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/condition_variable.hpp"
#include "runtime/mutex.hpp"

namespace c1m::runtime {

template <class Item>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t items_max) : places_(items_max) {
    C1M_ASSERT(items_max > 0, "a queue has room for something");
  }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;
  ~BoundedQueue() = default;

  // Parks while the queue is full. Fails with EPIPE once it is closed, with the context's error()
  // when that is cancelled while it waits; `item` is moved from only when this succeeds.
  [[nodiscard]] os::Result<void> push(Item& item, const Context& context) {
    std::unique_lock lock(mutex_);
    if (is_full() && !closed_) {
      ++putters_waiting_;
      auto waited =
          not_full_.wait(lock, context, no_deadline, [this] { return closed_ || !is_full(); });
      --putters_waiting_;
      if (!waited) return waited;
    }
    if (closed_) return os::fail(EPIPE, "push to a closed queue");
    put(item);
    return {};
  }

  // The same without waiting: false when it is full or closed.
  [[nodiscard]] bool try_push(Item& item) {
    const std::lock_guard lock(mutex_);
    if (closed_ || is_full()) return false;
    put(item);
    return true;
  }

  // Parks while the queue is empty. Fails with EPIPE once it is closed and empty, with the
  // context's error() when that is cancelled while it waits.
  [[nodiscard]] os::Result<Item> pop(const Context& context) {
    std::unique_lock lock(mutex_);
    if (count_ == 0 && !closed_) {
      auto waited =
          not_empty_.wait(lock, context, no_deadline, [this] { return closed_ || count_ > 0; });
      if (!waited) return std::unexpected(waited.error());
    }
    if (count_ == 0) return os::fail(EPIPE, "pop from a closed queue");
    Item item = std::move(*places_[first_]);
    places_[first_].reset();
    first_ = first_ + 1 == places_.size() ? 0 : first_ + 1;
    --count_;
    ++taken_;
    not_full_.notify_one();
    return item;
  }

  // Who waits goes on. Again: no effect.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    not_full_.notify_all();
    not_empty_.notify_all();
  }

  struct Gauges {
    std::size_t items = 0;
    std::size_t putters_waiting = 0;
    std::uint64_t taken = 0;  // ever
    bool closed = false;
  };
  [[nodiscard]] Gauges gauges() {
    const std::lock_guard lock(mutex_);
    return {
        .items = count_, .putters_waiting = putters_waiting_, .taken = taken_, .closed = closed_};
  }

 private:
  [[nodiscard]] bool is_full() const { return count_ == places_.size(); }

  void put(Item& item) {
    const std::size_t end = first_ + count_;
    places_[end < places_.size() ? end : end - places_.size()] = std::move(item);
    ++count_;
    not_empty_.notify_one();
  }

  Mutex mutex_;
  ConditionVariable not_full_;
  ConditionVariable not_empty_;
  // All guarded by mutex_.
  std::vector<std::optional<Item>> places_;  // a ring: `count_` items from `first_`
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t putters_waiting_ = 0;
  std::uint64_t taken_ = 0;
  bool closed_ = false;
};

}  // namespace c1m::runtime
