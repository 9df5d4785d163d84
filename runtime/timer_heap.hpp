// The timers of one processor: a 4-ary heap of coroutines to wake, in the order of their times.
// Invariants: a timer stands in at most one heap; a cancelled one leaves it at once, so that the
// heap holds live timers only. Threads: any; one lock a heap. Not here: reading the clock.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/atomic.hpp"
#include "runtime/wake_token.hpp"

namespace c1m::runtime {

class TimerHeap;

// One armed or unarmed timer. Only the coroutine that it wakes arms it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    // Acquire: whoever has taken it out has touched it for the last time.
    C1M_ASSERT(heap_.load(std::memory_order_acquire) == nullptr, "an armed timer is in a heap");
  }

  // Takes the timer out of its heap. When it has fired, or was never armed, this takes no lock.
  // Afterwards nobody touches the timer: it may be destroyed.
  void cancel();

 private:
  friend class TimerHeap;
  // Set by arm(), changed under the heap's lock by whoever takes the timer out. Release and
  // acquire: who sees nullptr may arm the timer again.
  Atomic<TimerHeap*> heap_ = nullptr;
  WakeToken token_;
  std::uint32_t position_ = 0;  // guarded by the heap's lock
};

class TimerHeap {
 public:
  static constexpr os::Nanoseconds never = INT64_MAX;

  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;

  // `token` will be handed out at `when_ns` or later. The timer must not be armed.
  void arm(Timer& timer, os::Nanoseconds when_ns, WakeToken token);

  // Takes out the timers that are due at `now_ns`, earliest first, as many as `due` holds, and
  // returns how many; more may be left when it is full.
  std::size_t take_due(os::Nanoseconds now_ns, std::span<WakeToken> due);

  // The same for all timers, due or not, also one that another thread is arming before this call.
  std::size_t take_any(std::span<WakeToken> taken);

  // Moves all timers to `other`, while they can be cancelled at any moment. Of two heaps timers
  // move in one direction only, and nobody else holds the locks of two.
  void move_all_to(TimerHeap& other);

  // When the first timer is due, or `never`. A hint for other threads, exact for one that armed.
  [[nodiscard]] os::Nanoseconds earliest_ns() const {
    return earliest_ns_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  friend class Timer;
  // The time stands beside the pointer, so that sifting does not touch the coroutines.
  struct Entry {
    os::Nanoseconds when_ns;
    Timer* timer;
  };
  static constexpr std::uint32_t arity = 4;

  std::size_t take_until(os::Nanoseconds now_ns, std::span<WakeToken> due);
  void put_in(Entry entry);     // the lock is held
  void take_out(Timer& timer);  // the lock is held, the timer is in this heap
  void sift_up(std::uint32_t position, Entry entry);
  void sift_down(std::uint32_t position, Entry entry);
  void place(std::uint32_t position, Entry entry);
  void publish();

  ThreadMutex mutex_;
  std::vector<Entry> entries_;  // guarded by mutex_
  Atomic<os::Nanoseconds> earliest_ns_ = never;
  Atomic<std::size_t> size_ = 0;
};

}  // namespace c1m::runtime
