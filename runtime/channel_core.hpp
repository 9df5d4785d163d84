// What a channel knows: a ring of values, who waits to send and who to receive, and whether it is
// closed, under one lock. A value goes from a sender to a waiting receiver without the ring.
// Invariants: a receiver waits only while the ring is empty and no sender waits; a sender only
// while the ring is full; both first in, first out. Who takes a waiter out of its list hands it a
// value, takes one from it, or tells it of the end. A waiter that something else may wake as well
// (a time, a context, another channel of a select) has to be won first, by ending its wait, and
// looks at its outcome under the lock; one that waits here alone is woken after the lock is given
// up, so that it may destroy the channel at once. Threads: any; the *_locked() functions by the
// holder of the lock. Not here: parking (channel.hpp, select.hpp), so that the model machine runs
// this as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "os/assert.hpp"
#include "runtime/atomic.hpp"
#include "runtime/cache_line.hpp"
#include "runtime/frame_check.hpp"
#include "runtime/safeguard.hpp"

namespace c1m::runtime {

// What became of an attempt, or of a waiter.
enum class ChannelOutcome : std::uint8_t {
  pending,  // it has to wait, or still waits
  done,
  closed,
};

// Whom to send on when the lock has been given up. `Wake` is a Waker.
template <class Wake>
class WakeAfterUnlock {
 public:
  void wake(const Wake& waiter) { waiter_ = waiter; }
  using Ended = decltype(std::declval<const Wake&>().end());
  void deliver(const Ended& ended) { ended_ = ended; }

  void run() const {
    if (waiter_) waiter_.wake();
    if (ended_) ended_.deliver();
  }

 private:
  Wake waiter_;
  Ended ended_;
};

template <class T, class Wake, class Lock>
class ChannelCore {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a value is moved while others wait: put one that cannot into a unique_ptr");

 public:
  using After = WakeAfterUnlock<Wake>;

  // A place in a list. Not on a stack: see wait_block.hpp.
  struct Waiter {
    Wake waker;
    std::optional<T> value;  // to be sent, or received
    Waiter* previous = nullptr;
    Waiter* next = nullptr;
    ChannelOutcome outcome = ChannelOutcome::pending;
    bool alone = false;  // nothing else may end its wait
    bool listed = false;
  };

  explicit ChannelCore(std::size_t capacity)
      : hints_(capacity > 0 ? sendable : std::uint8_t{0}),
        capacity_(static_cast<std::uint32_t>(capacity)),
        ring_(capacity > 0 ? new Place[capacity] : nullptr) {
    C1M_ASSERT(capacity <= UINT32_MAX, "a channel has room for fewer than 2^32 values");
  }
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;
  ~ChannelCore() {
    C1M_ASSERT(senders_.first == nullptr && receivers_.first == nullptr,
               "a channel is destroyed when nobody waits for it");
    while (count_ > 0) take_first();
  }

  void lock() {
    check_reachable(this, "Channel");
    lock_.lock();
  }
  void unlock() {
    hints_.store(present_hints(), std::memory_order_relaxed);
    lock_.unlock();
  }

  // Whether an attempt may be worth the lock, for who will make one under the lock in any case.
  // Relaxed: who is ordered after an operation sees what it has left.
  [[nodiscard]] bool may_send() const { return (hints() & sendable) != 0; }
  [[nodiscard]] bool may_receive() const { return (hints() & receivable) != 0; }

  // `value` is moved from when this is `done`.
  ChannelOutcome send_locked(T& value, After& after) {
    if (closed_) return ChannelOutcome::closed;
    if (Waiter* receiver = take_waiter(receivers_, after)) {
      receiver->value.emplace(std::move(value));
      receiver->outcome = ChannelOutcome::done;
      ++received_;
      return ChannelOutcome::done;
    }
    if (count_ == capacity_) return ChannelOutcome::pending;
    put_last(value);
    return ChannelOutcome::done;
  }

  // `into` is empty, and is not when this is `done`. `closed`: and no value is left.
  ChannelOutcome receive_locked(std::optional<T>& into, After& after) {
    if (count_ > 0) {
      into.emplace(take_first());
      ++received_;
      // The place that has become free is the first sender's.
      Waiter* const sender = in_force(Safeguard::channel_refill) ? take_sender(after) : nullptr;
      if (sender != nullptr) put_last(*sender->value);
      return ChannelOutcome::done;
    }
    if (Waiter* sender = take_sender(after)) {
      into.emplace(std::move(*sender->value));
      ++received_;
      return ChannelOutcome::done;
    }
    return closed_ ? ChannelOutcome::closed : ChannelOutcome::pending;
  }

  // After an attempt that is `pending`, under the same lock.
  void enter_sender_locked(Waiter& waiter, T& value) {
    waiter.value.emplace(std::move(value));
    senders_.put_last(waiter);
  }
  void enter_receiver_locked(Waiter& waiter) { receivers_.put_last(waiter); }

  // The wait is over, whatever ended it: nobody reaches the waiter afterwards.
  void leave_sender_locked(Waiter& waiter) { leave(senders_, waiter); }
  void leave_receiver_locked(Waiter& waiter) { leave(receivers_, waiter); }

  // What was not sent is the caller's again. Without assignment, which T need not have.
  static void give_value_back(T& value, Waiter& waiter) noexcept {
    std::destroy_at(&value);
    std::construct_at(&value, std::move(*waiter.value));
  }

  // Ends all waits, and those to come. The second time: no effect.
  void close() {
    lock();
    closed_ = true;
    Waiter* alone = nullptr;
    if (in_force(Safeguard::channel_close)) {
      close_all(senders_, alone);
      close_all(receivers_, alone);
    }
    unlock();
    while (alone != nullptr) {
      Waiter& waiter = *alone;
      alone = waiter.next;  // read first: the waiter goes with its wait
      const Wake waker = waiter.waker;
      waker.wake();
    }
  }

  [[nodiscard]] bool is_closed_locked() const { return closed_; }
  [[nodiscard]] std::size_t size_locked() const { return count_; }
  // Values that receivers have got so far.
  [[nodiscard]] std::uint64_t received_locked() const { return received_; }
  // Takes time in proportion to their number.
  [[nodiscard]] std::size_t senders_waiting_locked() const {
    std::size_t count = 0;
    for (const Waiter* each = senders_.first; each != nullptr; each = each->next) ++count;
    return count;
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::uint8_t sendable = 1;
  static constexpr std::uint8_t receivable = 2;

  [[nodiscard]] std::uint8_t hints() const { return hints_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint8_t present_hints() const {
    if (closed_) return sendable | receivable;
    const bool may_be_sent_to = count_ < capacity_ || receivers_.first != nullptr;
    const bool may_be_received_from = count_ > 0 || senders_.first != nullptr;
    return static_cast<std::uint8_t>((may_be_sent_to ? sendable : 0) |
                                     (may_be_received_from ? receivable : 0));
  }

  union Place {
    Place() {}
    ~Place() {}
    T value;
  };

  struct List {
    Waiter* first = nullptr;
    Waiter* last = nullptr;

    void put_last(Waiter& waiter) {
      waiter.listed = true;
      waiter.previous = std::exchange(last, &waiter);
      waiter.next = nullptr;
      (waiter.previous != nullptr ? waiter.previous->next : first) = &waiter;
    }
    void take_out(Waiter& waiter) {
      waiter.listed = false;
      (waiter.next != nullptr ? waiter.next->previous : last) = waiter.previous;
      (waiter.previous != nullptr ? waiter.previous->next : first) = waiter.next;
    }
  };

  // The first waiter whose wait this can end, out of its list.
  Waiter* take_waiter(List& list, After& after) {
    while (Waiter* first = list.first) {
      list.take_out(*first);
      if (first->alone) {
        after.wake(first->waker);
        return first;
      }
      const auto ended = first->waker.end();
      after.deliver(ended);
      if (ended || !in_force(Safeguard::channel_winner)) return first;
    }
    return nullptr;
  }

  Waiter* take_sender(After& after) {
    Waiter* const sender = take_waiter(senders_, after);
    if (sender != nullptr) sender->outcome = ChannelOutcome::done;
    return sender;
  }

  static void leave(List& list, Waiter& waiter) {
    if (waiter.listed && in_force(Safeguard::channel_leave)) list.take_out(waiter);
  }

  static void close_all(List& list, Waiter*& alone) {
    while (Waiter* first = list.first) {
      list.take_out(*first);
      if (first->alone) {
        first->outcome = ChannelOutcome::closed;
        first->next = std::exchange(alone, first);
        continue;
      }
      // Before the lock is given up: afterwards the waiter may be gone.
      const auto ended = first->waker.end();
      if (ended) first->outcome = ChannelOutcome::closed;
      ended.deliver();
    }
  }

  void put_last(T& value) {
    std::size_t index = std::size_t{first_} + count_;
    if (index >= capacity_) index -= capacity_;
    std::construct_at(&ring_[index].value, std::move(value));
    ++count_;
  }
  T take_first() {
    T& place = ring_[first_].value;
    T value = std::move(place);
    std::destroy_at(&place);
    if (++first_ == capacity_) first_ = 0;
    --count_;
    return value;
  }

  // What operations write fills a cache line of its own, which is all that travels between workers
  // beside the value's place. All guarded by lock_, but for what never changes.
  alignas(cache_line_bytes) Lock lock_;
  Atomic<std::uint8_t> hints_;  // written under lock_
  bool closed_ = false;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint64_t received_ = 0;
  List senders_;
  List receivers_;
  alignas(cache_line_bytes) const std::uint32_t capacity_;
  const std::unique_ptr<Place[]> ring_;
};

}  // namespace c1m::runtime
