// Who of those that share a stack slot may run, as an actor's mailbox: one word says whether the
// slot is claimed, and lists who became runnable meanwhile. Invariants: a claimed slot stands for
// one of its members, in one run queue or on one worker; the others that are runnable are listed
// here and nowhere else, so whole slots move between processors. Threads: arrive() by whoever made
// a member runnable; take_next() by who holds the claim. Not here: the stack (stack_slot.hpp).
#pragma once

#include <utility>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

// T has a member `T* next`, which is unused while it waits in a run queue's ring.
template <class T>
class SlotWord {
 public:
  // `member` became runnable. True: the slot is claimed by it, and the caller must queue it. False:
  // who holds the claim will.
  [[nodiscard]] bool arrive(T& member) {
    T* seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      const bool idle = seen == nullptr;
      if (!idle) member.next = seen == claimed() ? nullptr : seen;
      // Release: the holder sees the member's record. Acquire: who claims sees the slot as the last
      // holder left it.
      if (word_.compare_exchange_weak(seen, idle ? claimed() : &member, std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return idle;
      }
    }
  }

  // The member of the claim has parked, yielded (and arrived again) or ended. Returns the one that
  // has been runnable for longest: the claim is its now, and the caller queues it. Or gives the
  // claim up and returns nullptr.
  [[nodiscard]] T* take_next() {
    if (first_ == nullptr) take_arrived();
    if (first_ == nullptr) return nullptr;
    return std::exchange(first_, first_->next);
  }

  // For assertions: nobody is runnable.
  [[nodiscard]] bool is_idle() const { return word_.load(std::memory_order_relaxed) == nullptr; }

 private:
  // Stands for a claim with nobody listed; never looked into.
  [[nodiscard]] T* claimed() { return reinterpret_cast<T*>(this); }

  // Or gives the claim up, when nobody has arrived.
  void take_arrived() {
    T* seen = claimed();
    // Release: who claims next sees what this holder did.
    if (word_.compare_exchange_strong(seen, nullptr, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return;
    }
    C1M_ASSERT(seen != nullptr, "who asks for the next holds the claim");
    // Acquire: the records of all listed, whose pushes are one release sequence. The word lists the
    // latest first.
    T* latest = word_.exchange(claimed(), std::memory_order_acquire);
    while (latest != nullptr) {
      T* const earlier = latest->next;
      latest->next = std::exchange(first_, latest);
      latest = earlier;
    }
  }

  Atomic<T*> word_ = nullptr;  // nullptr: idle
  T* first_ = nullptr;         // the holder's: runnable, in order of arrival
};

}  // namespace c1m::runtime
