// A queue of values between coroutines and plain threads, Go's chan: who sends waits while it is
// full, who receives while it is empty; with capacity 0 each waits for the other. Select waits for
// several (select.hpp).
// Invariants: values arrive once and in the order of sending, and waiters are served in the order
// of coming; a value that was not sent is still the sender's. Sending to a closed channel fails
// with EPIPE; receiving from one gives what is left, then EPIPE. As soon as an operation on it has
// returned, the channel may be destroyed, if nobody waits.
// Threads: any, coroutines of any runtime, also on compact stacks. Not here: an end by
// Runtime::stop(), but of waits that have a deadline; close() ends the others, or a context.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include "os/result.hpp"
#include "runtime/channel_core.hpp"
#include "runtime/channel_wait.hpp"
#include "runtime/short_lock.hpp"
#include "runtime/wait_block.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime {

template <class T>
class Channel {
 public:
  using Core = ChannelCore<T, Waker, ShortLock>;

  // Room for so many values that nobody has received.
  explicit Channel(std::size_t capacity = 0) : core_(capacity) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Waits until a receiver has the value, or there is room for it. `value` is moved from only when
  // this succeeds. EPIPE: closed; ECANCELED or ETIMEDOUT: the context's error().
  os::Result<void> send(T&& value, const Context& context = background) {
    return send_until(no_deadline, std::move(value), context);
  }
  os::Result<void> send(const T& value, const Context& context = background) {
    return send_until(no_deadline, T(value), context);
  }

  // The same until `deadline_ns` of the caller's time (now_ns() of sleep.hpp, for threads
  // os::monotonic_ns()), then ETIMEDOUT. ECANCELED when the coroutine's runtime is stopped.
  os::Result<void> send_until(os::Nanoseconds deadline_ns, T&& value,
                              const Context& context = background) {
    if (auto allowed = context.check("Channel::send"); !allowed) return allowed;
    typename Core::After after;
    core_.lock();
    const ChannelOutcome outcome = core_.send_locked(value, after);
    if (outcome == ChannelOutcome::pending) {
      return wait_and_send(deadline_ns, value, context);
    }
    core_.unlock();
    after.run();
    give_way_if_due();
    if (outcome == ChannelOutcome::closed) return os::fail(EPIPE, "Channel::send");
    return {};
  }
  os::Result<void> send_until(os::Nanoseconds deadline_ns, const T& value,
                              const Context& context = background) {
    return send_until(deadline_ns, T(value), context);
  }

  // Without waiting: EAGAIN instead.
  os::Result<void> try_send(T&& value) {
    typename Core::After after;
    core_.lock();
    const ChannelOutcome outcome = core_.send_locked(value, after);
    core_.unlock();
    after.run();
    give_way_if_due();
    if (outcome == ChannelOutcome::done) return {};
    return os::fail(outcome == ChannelOutcome::closed ? EPIPE : EAGAIN, "Channel::try_send");
  }
  os::Result<void> try_send(const T& value) { return try_send(T(value)); }

  // Waits for a value. EPIPE: the channel is closed, and empty; ECANCELED or ETIMEDOUT: the
  // context's error().
  [[nodiscard]] os::Result<T> receive(const Context& context = background) {
    return receive_until(no_deadline, context);
  }

  // As send_until().
  [[nodiscard]] os::Result<T> receive_until(os::Nanoseconds deadline_ns,
                                            const Context& context = background) {
    if (auto allowed = context.check("Channel::receive"); !allowed) {
      return std::unexpected(allowed.error());
    }
    typename Core::After after;
    std::optional<T> value;
    core_.lock();
    const ChannelOutcome outcome = core_.receive_locked(value, after);
    if (outcome == ChannelOutcome::pending) return wait_and_receive(deadline_ns, context);
    core_.unlock();
    after.run();
    give_way_if_due();
    if (outcome == ChannelOutcome::closed) return os::fail(EPIPE, "Channel::receive");
    return std::move(*value);
  }

  // Without waiting: EAGAIN instead.
  [[nodiscard]] os::Result<T> try_receive() {
    typename Core::After after;
    std::optional<T> value;
    core_.lock();
    const ChannelOutcome outcome = core_.receive_locked(value, after);
    core_.unlock();
    after.run();
    give_way_if_due();
    if (outcome == ChannelOutcome::done) return std::move(*value);
    return os::fail(outcome == ChannelOutcome::closed ? EPIPE : EAGAIN, "Channel::try_receive");
  }

  // No more values: waiting senders fail, receivers get what is left. Anybody, any number of times.
  void close() { core_.close(); }

  [[nodiscard]] bool is_closed() {
    const std::lock_guard lock(core_);
    return core_.is_closed_locked();
  }
  // Values that nobody has received. Of those in the hands of waiting senders none counts.
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock(core_);
    return core_.size_locked();
  }
  [[nodiscard]] std::size_t capacity() const { return core_.capacity(); }

  // All of one moment. Takes the lock for a time in proportion to the waiting senders.
  struct Gauges {
    std::size_t values = 0;  // size()
    std::size_t senders_waiting = 0;
    std::uint64_t received = 0;  // values so far
    bool closed = false;
  };
  [[nodiscard]] Gauges gauges() {
    const std::lock_guard lock(core_);
    return {.values = core_.size_locked(),
            .senders_waiting = core_.senders_waiting_locked(),
            .received = core_.received_locked(),
            .closed = core_.is_closed_locked()};
  }

  // for (T& value : channel): receives until the channel is closed and empty.
  class Iterator {
   public:
    T& operator*() { return *value_; }
    Iterator& operator++() {
      receive();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !value_.has_value(); }

   private:
    friend class Channel;
    explicit Iterator(Channel& channel) : channel_(&channel) { receive(); }
    void receive() {
      value_.reset();
      if (auto received = channel_->receive()) value_.emplace(std::move(*received));
    }
    Channel* channel_;
    std::optional<T> value_;
  };
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

  // For select.
  [[nodiscard]] Core& core() { return core_; }

 private:
  using Waiter = Core::Waiter;

  // The lock is held, and given up by these.
  [[gnu::noinline]] os::Result<void> wait_and_send(os::Nanoseconds deadline_ns, T& value,
                                                   const Context& context) {
    InWaitBlock<Waiter> waiter;
    ChannelWait wait(WaitReason::channel_send, this, deadline_ns, context);
    waiter->waker = wait.waker();
    waiter->alone = wait.is_alone();
    core_.enter_sender_locked(*waiter, value);
    core_.unlock();
    wait.park();
    if (!waiter->alone) {
      const std::lock_guard lock(core_);
      core_.leave_sender_locked(*waiter);
    }
    if (waiter->outcome == ChannelOutcome::done) return {};
    Core::give_value_back(value, *waiter);
    return os::fail(wait.error_of(waiter->outcome), "Channel::send");
  }

  [[gnu::noinline]] os::Result<T> wait_and_receive(os::Nanoseconds deadline_ns,
                                                   const Context& context) {
    InWaitBlock<Waiter> waiter;
    ChannelWait wait(WaitReason::channel_receive, this, deadline_ns, context);
    waiter->waker = wait.waker();
    waiter->alone = wait.is_alone();
    core_.enter_receiver_locked(*waiter);
    core_.unlock();
    wait.park();
    if (!waiter->alone) {
      const std::lock_guard lock(core_);
      core_.leave_receiver_locked(*waiter);
    }
    if (waiter->outcome == ChannelOutcome::done) return std::move(*waiter->value);
    return os::fail(wait.error_of(waiter->outcome), "Channel::receive");
  }

  Core core_;
};

}  // namespace c1m::runtime
