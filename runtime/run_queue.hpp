// A processor's queue of runnable coroutines: a ring that its owner fills and drains and that
// thieves halve. The algorithm is Go's (runtime/proc.go, runqput, runqget, runqgrab): only the head
// needs a compare-and-swap, because only the owner moves the tail. Invariants: head <= tail <= head
// + Capacity (modulo 2^32); slots in [head, tail) hold an item. Threads: push and pop by the owner,
// steal_from by the owner, from any other, size by anyone. Not here: the `next` slot
// (processor.hpp) and what happens to an overflow (global_queue.hpp).
#pragma once

#include <array>
#include <cstdint>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

template <class T, std::uint32_t Capacity>
class RunQueue {
  static_assert((Capacity & (Capacity - 1)) == 0, "a power of two, so that 2^32 is a multiple");

 public:
  using Overflow = std::array<T*, Capacity / 2 + 1>;

  // Appends `item`. When the ring is full, half of it and `item` are moved to `overflow` instead,
  // in order; returns how many items that are (0: appended).
  std::uint32_t push(T* item, Overflow& overflow) {
    for (;;) {
      // Acquire: a slot is written again only after the thief that emptied it has read it.
      const std::uint32_t head = head_.load(std::memory_order_acquire);
      const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
      if (tail - head < Capacity) {
        slot(tail).store(item, std::memory_order_relaxed);
        // Release: a thief that sees the tail sees the slot, and what the coroutine has written.
        tail_.store(tail + 1, std::memory_order_release);
        return 0;
      }
      if (take_half(head, overflow)) {
        overflow[Capacity / 2] = item;
        return Capacity / 2 + 1;
      }
    }
  }

  // The oldest item, or nullptr.
  T* pop() {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
      if (tail == head) return nullptr;
      T* item = slot(head).load(std::memory_order_relaxed);
      // Release pairs with the acquire of push and thieves: the slot was read before it is free.
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return item;
      }
    }
  }

  // For the owner: what so many further calls of pop() later would return, or nullptr. A thief may
  // have it by the next moment.
  [[nodiscard]] T* peek(std::uint32_t later) {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    const std::uint32_t items = tail_.load(std::memory_order_relaxed) - head;
    if (items > Capacity || items <= later) return nullptr;
    return slot(head + later).load(std::memory_order_relaxed);
  }

  // By the owner of this queue, which is empty: moves the older half (rounded up) of the items of
  // `victim` here, but for the youngest of them, which is returned to be run at once; nullptr when
  // there was nothing. `moved` gets the number of items taken.
  T* steal_from(RunQueue& victim, std::uint32_t& moved) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    C1M_ASSERT(tail == head_.load(std::memory_order_relaxed), "a thief has nothing to run");
    moved = victim.copy_half_to(*this, tail);
    if (moved == 0) return nullptr;
    T* youngest = slot(tail + moved - 1).load(std::memory_order_relaxed);
    if (moved > 1) tail_.store(tail + moved - 1, std::memory_order_release);
    return youngest;
  }

  // How many items there were at some moment during the call.
  [[nodiscard]] std::uint32_t size() const {
    for (;;) {
      const std::uint32_t head = head_.load(std::memory_order_acquire);
      const std::uint32_t tail = tail_.load(std::memory_order_acquire);
      if (tail - head <= Capacity) return tail - head;  // else the head moved in between
    }
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  // For the owner: how many pushes will not overflow.
  [[nodiscard]] std::uint32_t room() const {
    return Capacity -
           (tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed));
  }

 private:
  Atomic<T*>& slot(std::uint32_t position) { return slots_[position % Capacity]; }

  bool take_half(std::uint32_t head, Overflow& overflow) {
    for (std::uint32_t i = 0; i < Capacity / 2; ++i) {
      overflow[i] = slot(head + i).load(std::memory_order_relaxed);
    }
    return head_.compare_exchange_strong(head, head + Capacity / 2, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  std::uint32_t copy_half_to(RunQueue& mine, std::uint32_t mine_tail) {
    for (;;) {
      std::uint32_t head = head_.load(std::memory_order_acquire);
      const std::uint32_t tail = tail_.load(std::memory_order_acquire);
      const std::uint32_t size = tail - head;
      const std::uint32_t take = size - size / 2;
      if (take == 0) return 0;
      if (take > Capacity / 2) continue;  // head and tail are of different moments
      for (std::uint32_t i = 0; i < take; ++i) {
        mine.slot(mine_tail + i)
            .store(slot(head + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
      }
      // Fails when the owner or another thief took one of these; what was copied is then void.
      if (head_.compare_exchange_strong(head, head + take, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
        return take;
      }
    }
  }

  // Thieves write the head, the owner the tail: not on one cache line.
  alignas(64) Atomic<std::uint32_t> head_ = 0;
  alignas(64) Atomic<std::uint32_t> tail_ = 0;
  std::array<Atomic<T*>, Capacity> slots_{};
};

}  // namespace c1m::runtime
