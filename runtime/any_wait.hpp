// One wait of whoever calls, a coroutine or a plain thread, with which everything waits that both
// may use: get the waker, give it to each source, park, take it back from each. For a coroutine it
// is a Wait (wait.hpp) and costs what that costs; a thread sleeps on a futex, with a pooled record
// (thread_waiter.hpp). A thread inside of blocking() is a plain one.
// Invariants: as Wait's; whoever can end the wait reaches the record or the pooled block, never the
// caller's stack. Threads: the one that waits.
#pragma once

#include <optional>

#include "runtime/cancellation.hpp"
#include "runtime/thread_waiter.hpp"
#include "runtime/wait.hpp"
#include "runtime/waker.hpp"

namespace c1m::runtime {

class AnyWait {
 public:
  // The reason and the object that is waited for, as in Coroutine::awaited, are what a dump shows
  // of a coroutine.
  explicit AnyWait(WaitReason reason, const void* awaited = nullptr) {
    Worker* const worker = current_worker();
    if (worker != nullptr && worker->runs_coroutine()) {
      coroutine_.emplace(*worker, reason, awaited);
    } else {
      begin_on_thread();
    }
  }
  AnyWait(const AnyWait&) = delete;
  AnyWait& operator=(const AnyWait&) = delete;
  ~AnyWait() {
    if (thread_ != nullptr) end_on_thread();
  }

  [[nodiscard]] Waker waker() const {
    if (thread_ != nullptr) return {thread_->epoch(), *thread_};
    return {coroutine_->token(), &coroutine_->scheduler()};
  }

  // Time as a source: the wait ends at `when_ns` of the caller's time, or at the earliest of
  // several such times. A coroutine's time is its runtime's, a thread's is the monotonic clock.
  void end_at(os::Nanoseconds when_ns) {
    if (thread_ != nullptr) {
      ends_at_ns_ = std::min(ends_at_ns_, when_ns);
    } else {
      coroutine_->end_at(when_ns);
    }
  }
  [[nodiscard]] os::Nanoseconds now_ns() const {
    return thread_ != nullptr ? platform::monotonic_ns() : coroutine_->scheduler().now_ns();
  }
  // Whether stop() has ended, or will end, the waits of the caller that have a time.
  [[nodiscard]] bool stopped() const {
    return thread_ == nullptr && coroutine_->scheduler().stopped();
  }

  // Cancelling as a source, and the context's deadline; false when `context` is cancelled already.
  // At most once. The context must be there as long as this object. A deadline in virtual time does
  // not end a thread's wait.
  [[nodiscard]] bool end_on(const Context& context) {
    return thread_ != nullptr ? end_thread_on(context) : coroutine_->end_on(context);
  }

  void park() {
    if (thread_ != nullptr) {
      thread_->park(ends_at_ns_);
    } else {
      coroutine_->park();
    }
  }
  // The same where one coroutine alone can end the wait (one_alone_ends()); counted, so that nobody
  // looks for circles while there can be none.
  void park_for_one() {
    if (thread_ != nullptr) {
      park();
      return;
    }
    current_worker()->processor().counters.waits_for_one.add();
    coroutine_->park();
    current_worker()->processor().counters.waits_for_one_ended.add();
  }
  // Instead of park().
  void cancel() {
    if (thread_ != nullptr) {
      thread_->cancel();
    } else {
      coroutine_->cancel();
    }
  }

 private:
  void begin_on_thread();
  void end_on_thread();
  [[nodiscard]] bool end_thread_on(const Context& context);

  std::optional<Wait> coroutine_;
  ThreadWaiter* thread_ = nullptr;  // of a plain thread, which has the next two as well
  os::Nanoseconds ends_at_ns_ = no_deadline;
  CancelState* cancel_state_ = nullptr;  // that has the thread's link
};

}  // namespace c1m::runtime
