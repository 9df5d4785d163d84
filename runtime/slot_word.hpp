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
    T* first = first_.load(std::memory_order_relaxed);
    if (first == nullptr) first = take_arrived();
    // Without the claim nothing of the slot may be touched: another may hold it already.
    if (first == nullptr) return nullptr;
    first_.store(first->next, std::memory_order_relaxed);
    return first;
  }

  // For assertions: nobody is runnable.
  [[nodiscard]] bool is_idle() const { return word_.load(std::memory_order_relaxed) == nullptr; }

 private:
  // Stands for a claim with nobody listed; never looked into.
  [[nodiscard]] T* claimed() { return reinterpret_cast<T*>(this); }

  // Those that have arrived, in order of arrival. Or gives the claim up, when nobody has.
  [[nodiscard]] T* take_arrived() {
    T* seen = claimed();
    // Release: who claims next sees what this holder did.
    if (word_.compare_exchange_strong(seen, nullptr, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return nullptr;
    }
    C1M_ASSERT(seen != nullptr, "who asks for the next holds the claim");
    // Acquire: the records of all listed, whose pushes are one release sequence. The word lists the
    // latest first.
    T* first = nullptr;
    T* latest = word_.exchange(claimed(), std::memory_order_acquire);
    while (latest != nullptr) {
      T* const earlier = latest->next;
      latest->next = std::exchange(first, latest);
      latest = earlier;
    }
    return first;
  }

  Atomic<T*> word_ = nullptr;  // nullptr: idle
  // The holder's: runnable, in order of arrival. Passed on with the claim, so relaxed; atomic, so
  // that the model machine sees who touches it without the claim.
  Atomic<T*> first_ = nullptr;
};

}  // namespace c1m::runtime
