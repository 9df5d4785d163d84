// Waiting for several channels at once, Go's select: of the cases that can go on one is chosen by
// chance, its operation is done and its handler called; the others are as if they had never been.
//
//   const std::size_t chosen = select(
//       receive_from(requests, [&](os::Result<Request> request) { ... }),  // EPIPE: closed
//       send_to(answers, std::move(answer), [&](os::Result<void> sent) { ... }),
//       timeout_after(os::ns_per_s, [&] { ... }),
//       cancelled_by(context, [&] { ... }));
//
// Invariants: exactly one case is chosen; a value that was to be sent by another is still the
// caller's; `otherwise` is chosen only if at one moment no channel could go on. Locks of several
// channels are taken in the order of their addresses. Threads: as the channels'. The cases are the
// caller's alone: what others reach is in a block of the wait's own.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "os/clock.hpp"
#include "runtime/channel.hpp"

namespace c1m::runtime {

// One channel of a select, without its type. The functions are called in the order of a select:
// try_locked() any number of times while nothing is ready; enter_locked(), leave_locked(); then
// finish() of the one that was chosen.
class SelectCase {
 public:
  using After = WakeAfterUnlock<Waker>;

  SelectCase(const SelectCase&) = delete;
  SelectCase& operator=(const SelectCase&) = delete;

  virtual void lock() = 0;
  virtual void unlock() = 0;
  [[nodiscard]] virtual const void* address() const = 0;  // of the channel
  // False: try_locked() would most likely be in vain.
  [[nodiscard]] virtual bool may_be_ready() const = 0;
  // True when the operation is done, or the channel closed: this case is the one.
  [[nodiscard]] virtual bool try_locked(After& after) = 0;
  [[nodiscard]] virtual std::size_t waiter_bytes() const = 0;
  virtual void enter_locked(std::byte* memory, const Waker& waker) = 0;
  // True when the wait was ended by this channel. Nobody reaches the memory afterwards.
  [[nodiscard]] virtual bool leave_locked() = 0;
  // Calls the handler.
  virtual void finish() = 0;

  std::uint32_t index = 0;  // among the cases of its select
  bool has_lock = false;    // of two cases with one channel, one has

 protected:
  SelectCase() = default;
  ~SelectCase() = default;
};

// What else may end a select.
struct SelectLimits {
  os::Nanoseconds deadline_ns = no_deadline;  // of the caller's time
  const Context* context = &background;
  bool may_wait = true;
};

enum class SelectEnd : std::uint8_t {
  ready,      // the case that is returned
  not_ready,  // and may not wait
  timeout,    // or the coroutine's runtime is stopped, and there is a deadline
  cancelled,
};

struct Selected {
  SelectEnd end = SelectEnd::ready;
  SelectCase* chosen = nullptr;  // to be finished
};

// For a number of cases that is known at run time only. Changes their order.
[[nodiscard]] Selected select_among(std::span<SelectCase*> cases, const SelectLimits& limits);

template <class T, class Handler>
class ReceiveCase final : public SelectCase {
 public:
  ReceiveCase(Channel<T>& channel, Handler handler)
      : core_(channel.core()), handler_(std::move(handler)) {}

  void lock() override { core_.lock(); }
  void unlock() override { core_.unlock(); }
  [[nodiscard]] const void* address() const override { return &core_; }
  [[nodiscard]] bool may_be_ready() const override { return core_.may_receive(); }
  bool try_locked(After& after) override {
    return core_.receive_locked(value_, after) != ChannelOutcome::pending;
  }
  [[nodiscard]] std::size_t waiter_bytes() const override { return WaitBlock::bytes_for<Waiter>; }
  void enter_locked(std::byte* memory, const Waker& waker) override {
    waiter_ = WaitBlock::make_in<Waiter>(memory);
    waiter_->waker = waker;
    core_.enter_receiver_locked(*waiter_);
  }
  bool leave_locked() override {
    core_.leave_receiver_locked(*waiter_);
    const ChannelOutcome outcome = waiter_->outcome;
    if (outcome == ChannelOutcome::done) value_.emplace(std::move(*waiter_->value));
    std::destroy_at(waiter_);
    return outcome != ChannelOutcome::pending;
  }
  void finish() override {
    if (value_) {
      handler_(os::Result<T>(std::move(*value_)));
    } else {
      handler_(os::Result<T>(os::fail(EPIPE, "select: receive")));
    }
  }

 private:
  using Core = Channel<T>::Core;
  using Waiter = Core::Waiter;
  Core& core_;
  Handler handler_;
  std::optional<T> value_;
  Waiter* waiter_ = nullptr;
};

// `Held` is T, or T&& for a value that stays the caller's until it is sent.
template <class T, class Held, class Handler>
class SendCase final : public SelectCase {
 public:
  SendCase(Channel<T>& channel, Held value, Handler handler)
      : core_(channel.core()), value_(std::forward<Held>(value)), handler_(std::move(handler)) {}

  void lock() override { core_.lock(); }
  void unlock() override { core_.unlock(); }
  [[nodiscard]] const void* address() const override { return &core_; }
  [[nodiscard]] bool may_be_ready() const override { return core_.may_send(); }
  bool try_locked(After& after) override {
    const ChannelOutcome outcome = core_.send_locked(value_, after);
    sent_ = outcome == ChannelOutcome::done;
    return outcome != ChannelOutcome::pending;
  }
  [[nodiscard]] std::size_t waiter_bytes() const override { return WaitBlock::bytes_for<Waiter>; }
  void enter_locked(std::byte* memory, const Waker& waker) override {
    waiter_ = WaitBlock::make_in<Waiter>(memory);
    waiter_->waker = waker;
    core_.enter_sender_locked(*waiter_, value_);
  }
  bool leave_locked() override {
    core_.leave_sender_locked(*waiter_);
    const ChannelOutcome outcome = waiter_->outcome;
    sent_ = outcome == ChannelOutcome::done;
    if (!sent_) Core::give_value_back(value_, *waiter_);
    std::destroy_at(waiter_);
    return outcome != ChannelOutcome::pending;
  }
  void finish() override {
    if (sent_) {
      handler_(os::Result<void>());
    } else {
      handler_(os::Result<void>(os::fail(EPIPE, "select: send")));
    }
  }

 private:
  using Core = Channel<T>::Core;
  using Waiter = Core::Waiter;
  Core& core_;
  Held value_;
  Handler handler_;
  bool sent_ = false;
  Waiter* waiter_ = nullptr;
};

// Chosen when a value arrives, or the channel is closed and empty: then with EPIPE.
template <class T, std::invocable<os::Result<T>> Handler>
[[nodiscard]] ReceiveCase<T, Handler> receive_from(Channel<T>& channel, Handler handler) {
  return {channel, std::move(handler)};
}

// Chosen when the value is sent, or the channel closed: then with EPIPE. `value` must be there
// until select() returns, and is moved from only when it is sent.
template <class T, std::invocable<os::Result<void>> Handler>
[[nodiscard]] SendCase<T, T&&, Handler> send_to(Channel<T>& channel,
                                                std::type_identity_t<T>&& value, Handler handler) {
  return {channel, std::move(value), std::move(handler)};
}
template <class T, std::invocable<os::Result<void>> Handler>
[[nodiscard]] SendCase<T, T, Handler> send_to(Channel<T>& channel,
                                              const std::type_identity_t<T>& value,
                                              Handler handler) {
  return {channel, T(value), std::move(handler)};
}

// Chosen at once when no channel can go on. At most one of a select, as of the next two.
template <std::invocable Handler>
struct Otherwise {
  Handler handler;
};
template <std::invocable Handler>
[[nodiscard]] Otherwise<Handler> otherwise(Handler handler) {
  return {std::move(handler)};
}

// Chosen at that time, of the caller, or when the coroutine's runtime is stopped.
template <std::invocable Handler>
struct TimeoutCase {
  os::Nanoseconds deadline_ns;
  Handler handler;
};
template <std::invocable Handler>
[[nodiscard]] TimeoutCase<Handler> timeout_at(os::Nanoseconds deadline_ns, Handler handler) {
  return {deadline_ns, std::move(handler)};
}
// The caller's time so many nanoseconds from now.
[[nodiscard]] os::Nanoseconds deadline_after(os::Nanoseconds duration_ns);
template <std::invocable Handler>
[[nodiscard]] TimeoutCase<Handler> timeout_after(os::Nanoseconds duration_ns, Handler handler) {
  return {deadline_after(duration_ns), std::move(handler)};
}

// Chosen when the context is cancelled or its deadline has passed; before any channel, if it is at
// the beginning. `context` must be there until select() returns.
template <std::invocable Handler>
struct CancelledCase {
  const Context& context;
  Handler handler;
};
template <std::invocable Handler>
[[nodiscard]] CancelledCase<Handler> cancelled_by(const Context& context, Handler handler) {
  return {context, std::move(handler)};
}

// What a select is made of, case by case.
struct SelectParts {
  SelectLimits limits;
  std::size_t channels = 0;

  template <class Handler>
  void add(Otherwise<Handler>&, std::span<SelectCase*>, std::uint32_t) {
    limits.may_wait = false;
  }
  template <class Handler>
  void add(TimeoutCase<Handler>& timeout, std::span<SelectCase*>, std::uint32_t) {
    limits.deadline_ns = timeout.deadline_ns;
  }
  template <class Handler>
  void add(CancelledCase<Handler>& cancelled, std::span<SelectCase*>, std::uint32_t) {
    limits.context = &cancelled.context;
  }
  void add(SelectCase& of_channel, std::span<SelectCase*> cases, std::uint32_t index) {
    of_channel.index = index;
    cases[channels++] = &of_channel;
  }
};

// Calls the handler of a case that is no channel's.
struct SelectedEnd {
  SelectEnd end;
  std::size_t index = 0;

  template <class Handler>
  void visit(Otherwise<Handler>& other, std::size_t at) {
    if (end == SelectEnd::not_ready) call(other.handler, at);
  }
  template <class Handler>
  void visit(TimeoutCase<Handler>& timeout, std::size_t at) {
    if (end == SelectEnd::timeout) call(timeout.handler, at);
  }
  template <class Handler>
  void visit(CancelledCase<Handler>& cancelled, std::size_t at) {
    if (end == SelectEnd::cancelled) call(cancelled.handler, at);
  }
  void visit(SelectCase&, std::size_t) {}

 private:
  template <class Handler>
  void call(Handler& handler, std::size_t at) {
    index = at;
    handler();
  }
};

// Waits until one of the cases can go on, does it, calls its handler, and returns its place among
// the arguments, from 0. What the handler throws passes through; the case has been done then.
template <class... Cases>
std::size_t select(Cases&&... cases) {
  static_assert(sizeof...(Cases) > 0, "a select without a case would wait for ever");
  std::array<SelectCase*, sizeof...(Cases)> channels;
  SelectParts parts;
  std::uint32_t index = 0;
  (parts.add(cases, channels, index++), ...);
  const Selected selected = select_among(std::span(channels).first(parts.channels), parts.limits);
  if (selected.chosen != nullptr) {
    selected.chosen->finish();
    return selected.chosen->index;
  }
  SelectedEnd other{.end = selected.end};
  std::size_t at = 0;
  (other.visit(cases, at++), ...);
  return other.index;
}

}  // namespace c1m::runtime
