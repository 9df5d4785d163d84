// A bounded queue between one producer and one consumer, coroutines or plain threads, without a
// lock: each side writes an index of its own, and keeps what it last saw of the other's, so that a
// push or a pop touches the other's cache line only when the ring looks full or empty.
// Invariants: values arrive once, in order; whoever waits has said so before it looks at the ring
// again, and the other side has moved its index before it looks whether somebody waits: with a full
// fence between on both sides one of them sees the other. Threads: push functions and close() by
// one at a time, pop functions by one at a time; it is destroyed when all of them have returned.
// Not here: several on one side (channel.hpp).
#pragma once

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "os/assert.hpp"
#include "os/result.hpp"
#include "runtime/any_wait.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cache_line.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/short_lock.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {

// Where one side of a ring waits.
class RingGate {
 public:
  // Parks until open() unless `may_go_on()`. May return early.
  template <class MayGoOn>
  void wait(MayGoOn may_go_on) {
    AnyWait wait(WaitReason::ring, this);
    {
      const std::lock_guard lock(lock_);
      waiter_ = wait.waker();
    }
    waits_.store(true, std::memory_order_relaxed);
    if (in_force(Safeguard::ring_fence)) store_load_fence();  // the counterpart of open()
    if (may_go_on()) {
      wait.cancel();
    } else {
      wait.park();
    }
    // Who opens and has not ended the wait before must not do so later.
    const std::lock_guard lock(lock_);
    waiter_ = {};
    waits_.store(false, std::memory_order_relaxed);
  }

  // After a change that may let the other side go on.
  void open() {
    if (in_force(Safeguard::ring_fence)) store_load_fence();
    if (!waits_.load(std::memory_order_relaxed)) return;
    EndedWait ended;
    {
      const std::lock_guard lock(lock_);
      ended = std::exchange(waiter_, {}).end();
    }
    ended.deliver();
  }

 private:
  Atomic<bool> waits_ = false;
  ShortLock lock_;
  Waker waiter_;  // guarded by lock_
};

// Each side has cache lines of its own, which clang-tidy takes for waste.
template <class T>
class SpscRing {  // NOLINT(clang-analyzer-optin.performance.Padding)
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>);

 public:
  // Room for at least so many values, rounded up to a power of two.
  explicit SpscRing(std::size_t capacity)
      : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 1)) - 1),
        places_(new Place[mask_ + 1]) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;
  ~SpscRing() {
    while (try_pop()) {
    }
  }

  // `value` is moved from only when this succeeds. False: full. Wakes nobody: a consumer that waits
  // in pop() needs push().
  [[nodiscard]] bool try_push(T&& value) { return try_move_in(value); }
  // nullopt: empty. Wakes nobody: a producer that waits in push() needs pop().
  [[nodiscard]] std::optional<T> try_pop() {
    check_reachable(this, "SpscRing::pop");
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return std::nullopt;
    }
    T& place = places_[head & mask_].value;
    std::optional<T> value(std::move(place));
    std::destroy_at(&place);
    head_.store(head + 1, std::memory_order_release);
    return value;
  }

  // Waits for room. The producer must not have closed the ring.
  void push(T&& value) {
    C1M_ASSERT(!closed_.load(std::memory_order_relaxed), "nothing is pushed into a closed ring");
    while (!try_move_in(value)) {
      room_.wait([this] { return has_room(); });
    }
    values_.open();
    give_way_if_due();
  }
  void push(const T& value) { push(T(value)); }

  // Waits for a value; nullopt: the ring is closed and empty.
  [[nodiscard]] std::optional<T> pop() {
    for (;;) {
      if (std::optional<T> value = try_pop()) {
        room_.open();
        give_way_if_due();
        return value;
      }
      // Acquire: what was pushed before is visible, so one more look finds the last of it.
      if (closed_.load(std::memory_order_acquire)) return try_pop();
      values_.wait([this] { return has_value() || closed_.load(std::memory_order_relaxed); });
    }
  }

  // By the producer: no more values. The consumer gets what is left.
  void close() {
    check_reachable(this, "SpscRing::close");
    closed_.store(true, std::memory_order_release);
    values_.open();
  }

  // As seen by either side; exact when both stand still.
  [[nodiscard]] std::size_t size() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

 private:
  union Place {
    Place() {}
    ~Place() {}
    T value;
  };

  [[nodiscard]] bool try_move_in(T& value) {
    check_reachable(this, "SpscRing::push");
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      // Acquire: the consumer is done with the place.
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ > mask_) return false;
    }
    std::construct_at(&places_[tail & mask_].value, std::move(value));
    // Release: the value is visible to the consumer.
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  [[nodiscard]] bool has_room() const {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed) <= mask_;
  }
  [[nodiscard]] bool has_value() const {
    return tail_.load(std::memory_order_relaxed) != head_.load(std::memory_order_relaxed);
  }

  const std::size_t mask_;
  const std::unique_ptr<Place[]> places_;
  alignas(cache_line_bytes) Atomic<std::size_t> tail_ = 0;  // the producer's
  std::size_t head_seen_ = 0;                               // the producer's: at most head_
  Atomic<bool> closed_ = false;
  alignas(cache_line_bytes) Atomic<std::size_t> head_ = 0;  // the consumer's
  std::size_t tail_seen_ = 0;                               // the consumer's: at most tail_
  alignas(cache_line_bytes) RingGate values_;               // where the consumer waits
  RingGate room_;                                           // where the producer waits
};

}  // namespace c1m::runtime
