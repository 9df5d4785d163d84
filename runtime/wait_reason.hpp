// Why a coroutine waits, and what is remembered of that for a dump. Invariants: the numbers and
// names of reasons are unique and never used again for something else; a note takes one word and
// one store, so that it can stay on. Threads: written by the coroutine before it parks (by its
// worker around a blocking call), read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "os/clock.hpp"

namespace c1m::runtime {

enum class WaitReason : std::uint8_t {
  none = 0,  // does not wait, or does not say for what
  sleep = 1,
  read = 2,   // a descriptor to be readable; the object is its number, as in the next three
  write = 3,  // a descriptor to be writable
  accept = 4,
  connect = 5,
  blocking = 6,  // a call that blocks a thread: the coroutine's state is `running`
  ticker = 7,
  mutex = 8,
  wait_group = 9,
  timer = 10,
  name_lookup = 11,
  cancellation = 12,
  file = 13,  // as `blocking`
  join = 30,
  task_group = 31,
  condition = 32,
  semaphore = 33,
  read_lock = 34,   // a SharedMutex
  write_lock = 35,  // the same
  channel_send = 20,
  channel_receive = 21,
  select = 22,
  ring = 23,  // of one producer and one consumer
};
// Whether the wait has an object in Coroutine::awaited, if the waiter has named one.
[[nodiscard]] constexpr bool has_object(WaitReason reason) {
  switch (reason) {
    case WaitReason::mutex:
    case WaitReason::join:
    case WaitReason::task_group:
    case WaitReason::condition:
    case WaitReason::semaphore:
    case WaitReason::read_lock:
    case WaitReason::write_lock:
    case WaitReason::channel_send:
    case WaitReason::channel_receive:
    case WaitReason::ring:
      return true;
    default:
      return false;
  }
}
// Whether that object is the HolderMark of who alone can end the wait: the holder of a lock, or the
// task that is joined.
[[nodiscard]] constexpr bool one_alone_ends(WaitReason reason) {
  return reason == WaitReason::mutex || reason == WaitReason::read_lock ||
         reason == WaitReason::join;
}
// Whether the kernel may end the wait: who waits so is not asleep for want of another coroutine. A
// wait without a reason is the user's own, of which nothing is known.
[[nodiscard]] constexpr bool kernel_may_end(WaitReason reason) {
  return reason == WaitReason::none || reason == WaitReason::read || reason == WaitReason::write ||
         reason == WaitReason::accept || reason == WaitReason::connect;
}
// Whether the thread waits, in a call: the coroutine's state is `running` then.
[[nodiscard]] constexpr bool blocks_a_thread(WaitReason reason) {
  return reason == WaitReason::blocking || reason == WaitReason::file;
}
inline constexpr std::uint64_t wait_reasons_max = 64;

// "read", "wait group"; "?" for a number that is no reason.
[[nodiscard]] const char* name_of(WaitReason reason);

// What a note says.
struct WaitFacts {
  WaitReason reason = WaitReason::none;
  std::uint32_t object = 0;  // which descriptor, say; 0 for none
  os::Nanoseconds waited_ns = 0;
};

// Reason, object and beginning of a wait in one word. The beginning is kept in units of 2^24 ns
// (17 ms) and modulo 2^26 of them, 13 days: a longer wait looks shorter by as much.
class WaitNote {
 public:
  void write(WaitReason reason, std::uint32_t object, os::Nanoseconds now_ns) {
    word_.store(std::uint64_t{object} << 32 | (units_of(now_ns) & units_mask) << reason_bits |
                    static_cast<std::uint64_t>(reason),
                std::memory_order_release);
  }
  void clear() { word_.store(0, std::memory_order_relaxed); }
  [[nodiscard]] WaitReason reason() const {
    return static_cast<WaitReason>(word_.load(std::memory_order_relaxed) & (wait_reasons_max - 1));
  }
  // For probes: the reason in its lowest six bits, the object's number in the upper half.
  [[nodiscard]] std::uint64_t word() const { return word_.load(std::memory_order_relaxed); }

  [[nodiscard]] WaitFacts read(os::Nanoseconds now_ns) const {
    const std::uint64_t word = word_.load(std::memory_order_acquire);
    const std::uint64_t units = (units_of(now_ns) - (word >> reason_bits)) & units_mask;
    // One that has begun after `now_ns` was read has not waited at all.
    const bool later = units > units_mask - 64;
    return {.reason = static_cast<WaitReason>(word & (wait_reasons_max - 1)),
            .object = static_cast<std::uint32_t>(word >> 32),
            .waited_ns = later ? 0 : static_cast<os::Nanoseconds>(units << unit_bits)};
  }

 private:
  static constexpr int unit_bits = 24;
  static constexpr int reason_bits = 6;
  static constexpr std::uint64_t units_mask = (1U << 26) - 1;
  static std::uint64_t units_of(os::Nanoseconds time_ns) {
    return static_cast<std::uint64_t>(time_ns) >> unit_bits;
  }

  // Who reads it compares the coroutine's state before and after. Release and acquire: who sees a
  // new note sees that the wait before has ended.
  std::atomic<std::uint64_t> word_ = 0;
};

}  // namespace c1m::runtime
