// Whether something has been cancelled, and whom that concerns: waits, and the states below it.
// Invariants: a wait or a state below that was added before the cancelling is reached by it, one
// that comes later is refused; after remove() nobody touches the link. What decides happens under
// the state's own lock, and waking too, so that a waiter that leaves has seen the end of it. Nobody
// holds the locks of two states, so a tree may be of any depth.
// Threads: any; a link belongs to whoever waits. Not here: who may hold such a state,
// and when a deadline is looked at (cancellation.hpp).
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "runtime/atomic.hpp"
#include "runtime/failure.hpp"
#include "runtime/reference.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/waker.hpp"

namespace c1m::runtime {

// A deadline that never comes.
inline constexpr os::Nanoseconds no_deadline = INT64_MAX;

// A list through its members.
template <class Member>
struct ListMember {  // NOLINT(bugprone-crtp-constructor-accessibility): it calls nothing of Member
  Member* previous = nullptr;
  Member* next = nullptr;
};
template <class Member>
struct MemberList {
  Member* first = nullptr;

  void put_in(Member& member) {
    member.previous = nullptr;
    member.next = std::exchange(first, &member);
    if (member.next != nullptr) member.next->previous = &member;
  }
  void take_out(Member& member) {
    if (member.next != nullptr) member.next->previous = member.previous;
    (member.previous != nullptr ? member.previous->next : first) = member.next;
  }
};

// A wait's place in the list.
struct CancelLink : ListMember<CancelLink> {
  Waker waker;  // empty while the link is in no list
};

// As a member: of the list of its parent, which that one's lock guards; after it, of a canceller's.
class CancelState : public ListMember<CancelState> {
 public:
  CancelState() = default;
  // Below `above`, if that is not empty; cancelled if that is. `clock` tells when `ends_at_ns` has
  // come; nullptr is the monotonic one.
  CancelState(Reference<CancelState> above, os::Nanoseconds ends_at_ns, const os::Clock* clock)
      : parent(std::move(above)), deadline_ns_(ends_at_ns), clock_(clock) {
    if (parent) enter(*parent);
  }
  CancelState(const CancelState&) = delete;
  CancelState& operator=(const CancelState&) = delete;
  ~CancelState() = default;

  // For Reference: also of those above that nobody else refers to.
  static void destroy(CancelState* state) {
    do {
      CancelState* const above = state->parent.release();
      if (above != nullptr) state->leave(*above);
      delete state;
      state = above;
    } while (state != nullptr && state->references.drop());
  }

  // The errno with which waits fail, or 0 while nothing is cancelled. Acquire: the cause, and what
  // the canceller did before, are visible.
  [[nodiscard]] int error() const { return error_.load(std::memory_order_acquire); }
  // Once error() is not 0.
  [[nodiscard]] const Failure& cause() const { return *cause_; }

  // No later than that of any state above.
  [[nodiscard]] os::Nanoseconds deadline_ns() const { return deadline_ns_; }
  [[nodiscard]] const os::Clock* clock() const { return clock_; }

  // The wait of `waker` shall end. False when it was cancelled before.
  [[nodiscard]] bool add(CancelLink& link, Waker waker) {
    const std::lock_guard lock(mutex_);
    if (error_.load(std::memory_order_relaxed) != 0) return false;
    link.waker = waker;
    waits_.put_in(link);
    return true;
  }

  // The wait has ended, whatever ended it.
  void remove(CancelLink& link) {
    const std::lock_guard lock(mutex_);
    if (!link.waker) return;
    link.waker = {};
    waits_.take_out(link);
  }

  // Cancels this and all below it, and calls wake(waker) for each wait. For each state
  // only the first cause counts.
  template <class Wake>
  void cancel(int error, const Failure& cause, Wake wake) {
    CancelState* found = nullptr;  // a list through `next`, with a reference to each
    cancel_one(error, cause, wake, found);
    while (found != nullptr) {
      const auto below = Reference<CancelState>::adopt(found);
      found = below->next;
      below->cancel_one(error, cause, wake, found);
    }
  }

  [[nodiscard]] bool has_waiters() const {
    const std::lock_guard lock(mutex_);
    return waits_.first != nullptr;
  }
  [[nodiscard]] bool has_states_below() const {
    const std::lock_guard lock(mutex_);
    return below_.first != nullptr;
  }

  ReferenceCount references;
  Reference<CancelState> parent;

 private:
  void enter(CancelState& above) {
    const std::lock_guard lock(above.mutex_);
    const int error = above.error_.load(std::memory_order_relaxed);
    if (error != 0) {
      cause_ = above.cause_;
      error_.store(error, std::memory_order_relaxed);
    } else {
      above.below_.put_in(*this);
      listed_ = true;
    }
  }

  // No reference is left; a canceller of `above` that has met this state holds the lock.
  void leave(CancelState& above) {
    const std::lock_guard lock(above.mutex_);
    if (listed_) above.below_.take_out(*this);
  }

  template <class Wake>
  void cancel_one(int error, const Failure& cause, Wake& wake, CancelState*& found) {
    const std::lock_guard lock(mutex_);
    if (error_.load(std::memory_order_relaxed) != 0) return;
    cause_ = cause;
    error_.store(error, std::memory_order_release);
    while (CancelLink* link = waits_.first) {
      waits_.take_out(*link);
      wake(std::exchange(link->waker, {}));
    }
    if (!in_force(Safeguard::cancel_descends)) return;
    while (CancelState* below = below_.first) {
      below_.take_out(*below);
      below->listed_ = false;
      if (!below->references.try_add()) continue;  // it is about to leave()
      below->next = std::exchange(found, below);
    }
  }

  const os::Nanoseconds deadline_ns_ = no_deadline;
  const os::Clock* const clock_ = nullptr;
  Atomic<int> error_ = 0;
  mutable ThreadMutex mutex_;
  // Guarded by mutex_, as the next two; the cause is not changed any more once error_ is set.
  std::optional<Failure> cause_;
  MemberList<CancelLink> waits_;
  MemberList<CancelState> below_;
  bool listed_ = false;  // in the parent's list; guarded by the parent's mutex_
};

}  // namespace c1m::runtime
