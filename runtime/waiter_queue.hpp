// Those that wait for something, first come, first served; one that gives up leaves from the
// middle. Invariant: `queued` is true exactly while a waiter stands in the queue, so whoever finds
// it false under the queue's lock has been given what it waited for. Threads: under the lock of
// whatever is waited for. Not here: parking and waking.
#pragma once

#include <array>
#include <cstddef>

namespace c1m::runtime {

// `Waiter` has these as members: Waiter* previous, Waiter* next, bool queued.
template <class Waiter>
class WaiterQueue {
 public:
  [[nodiscard]] Waiter* first() const { return first_; }

  void append(Waiter& waiter) {
    waiter.previous = last_;
    waiter.next = nullptr;
    waiter.queued = true;
    (last_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
  }

  void remove(Waiter& waiter) {
    (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
    (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
    waiter.next = nullptr;
    waiter.queued = false;
  }

  // nullptr when there is none.
  Waiter* take_first() {
    Waiter* const waiter = first_;
    if (waiter != nullptr) remove(*waiter);
    return waiter;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

// Waits that were ended under the lock of what was waited for, to be delivered after that
// (waker.hpp). Each holds its waiter where it is, so the waiters' own memory is not touched any
// more. Of many the later ones are delivered at once, under the lock.
template <class Ended>
class EndedWaits {
 public:
  void add(Ended ended) {
    if (count_ == ended_.size()) {
      ended.deliver();
    } else {
      ended_[count_++] = ended;
    }
  }
  // Once.
  void deliver() const {
    for (std::size_t i = 0; i < count_; ++i) ended_[i].deliver();
  }

 private:
  std::array<Ended, 8> ended_;
  std::size_t count_ = 0;
};

// Waiters that have been taken out of their queue and are to be woken, through `next`, in order.
// For those that nothing else can wake.
template <class Waiter>
class TakenWaiters {
 public:
  void append(Waiter& waiter) {
    (last_ == nullptr ? first_ : last_->next) = &waiter;
    last_ = &waiter;
  }

  // Calls wake(waiter) for each. Its link is read before that: who has been woken may be gone.
  template <class Wake>
  void wake_each(Wake wake) {
    for (Waiter* waiter = first_; waiter != nullptr;) {
      Waiter* const next = waiter->next;
      wake(*waiter);
      waiter = next;
    }
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace c1m::runtime
