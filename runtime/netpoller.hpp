// Which descriptors are ready: one edge-triggered epoll registration each, or requests to io_uring
// (ring_poller.hpp), and for each direction a word in which an edge and a waiting coroutine meet.
// Invariants: the state of a descriptor lies in memory that stays the same kind for ever, and an
// event carries the sequence number of its tenant, so that one that comes late is dropped.
// Threads: open, close and interrupt_all by any; poll by one at a time (claim() says who).
// Not here: who runs the woken coroutines (scheduler.hpp); the calls on the descriptor
// (pollable.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "os/address_space.hpp"
#include "os/descriptor.hpp"
#include "os/result.hpp"
#include "runtime/atomic.hpp"
#include "runtime/platform.hpp"
#include "runtime/poll_descriptor.hpp"
#include "runtime/ring_poller.hpp"

namespace c1m::runtime {

class Netpoller {
 public:
  static constexpr std::size_t events_max = 128;  // a poll
  static constexpr std::size_t wakes_max = 2 * events_max;

  // With `ring` io_uring is used instead of epoll.
  [[nodiscard]] static os::Result<std::unique_ptr<Netpoller>> create(
      std::size_t descriptors_max, const std::optional<RingPoller::Options>& ring = std::nullopt);
  ~Netpoller();
  Netpoller(const Netpoller&) = delete;
  Netpoller& operator=(const Netpoller&) = delete;

  // Registers a descriptor. EMFILE when descriptors_max are open; epoll_ctl's errors.
  [[nodiscard]] os::Result<PollDescriptor*> open(os::Descriptor descriptor);
  // Gives the state back; the descriptor was closed, nobody uses it.
  void release(PollDescriptor& state);

  // One operation's hold on the number: false when it is closing. Several at a time.
  static bool acquire_use(PollDescriptor& state);
  void release_use(PollDescriptor& state);
  // Closes the number now or when the last hold goes. False when it was closing already. The caller
  // interrupts the words.
  bool begin_close(PollDescriptor& state);

  // The right to poll. Acquire and release: successive pollers see each other's work.
  bool claim() { return !claimed_.load(std::memory_order_relaxed) && !claimed_.exchange(true); }
  [[nodiscard]] bool claimed() const { return claimed_.load(std::memory_order_relaxed); }
  void disclaim() { claimed_.store(false, std::memory_order_release); }

  // Waits for events, at most `timeout_ns` (negative: no limit), and fills `wakes` with the
  // coroutines that may go on. Returns how many. The caller has claimed the poller.
  std::size_t poll(os::Nanoseconds timeout_ns, std::span<WakeToken, wakes_max> wakes);

  // A coroutine is about to wait: io_uring must have been asked; epoll tells without.
  [[nodiscard]] os::Result<void> arm(PollDescriptor& state, Direction direction) {
    if (!ring_ || !ring_->wants(state, direction)) return {};
    return ask_ring(state, direction);
  }
  // Nobody is going to poll for a while: what the ring was to send with the next one leaves now.
  void end_run() {
    if (ring_) ring_->end_run(created_.load(std::memory_order_acquire));
  }
  // nullptr with epoll.
  [[nodiscard]] RingPoller* ring() const { return ring_.get(); }

  // Ends a poll that goes on in another thread, or the next one.
  platform::WakeEvent& wake_event() { return wake_event_; }

  // Calls visit(token) for every coroutine that waits, having taken it out of its word. A
  // descriptor that is not seen here is opened afterwards, by who sees what the caller did before.
  template <class Visit>
  void interrupt_all(Visit visit) {
    const std::uint32_t created = created_under_lock();
    for (std::uint32_t index = 0; index < created; ++index) {
      for (PollWord& word : at(index).words) {
        if (const WakeToken token = word.interrupt()) visit(token);
      }
    }
  }

  [[nodiscard]] std::size_t open_count() const { return open_.load(std::memory_order_relaxed); }
  // Whether a poll may find something.
  [[nodiscard]] bool is_used() const {
    return open_count() > 0 || (ring_ && ring_->streams_to_send() > 0);
  }
  [[nodiscard]] std::uint64_t polls() const { return polls_.get(); }
  [[nodiscard]] std::uint64_t events() const { return events_seen_.get(); }
  [[nodiscard]] std::uint64_t stale_events() const {
    return ring_ ? ring_->stale_completions() : stale_events_.get();
  }

 private:
  Netpoller(platform::Poller poller, platform::WakeEvent wake_event, os::AddressSpace space,
            std::size_t descriptors_max);

  [[nodiscard]] PollDescriptor& at(std::uint32_t index) {
    return reinterpret_cast<PollDescriptor*>(space_.data())[index];
  }
  [[nodiscard]] std::uint32_t index_of(const PollDescriptor& state) const {
    return static_cast<std::uint32_t>(&state -
                                      reinterpret_cast<const PollDescriptor*>(space_.data()));
  }
  [[nodiscard]] PollDescriptor* take();
  [[nodiscard]] std::uint32_t created_under_lock();
  [[nodiscard]] os::Result<void> ask_ring(PollDescriptor& state, Direction direction);
  void close_number(PollDescriptor& state);
  void deliver(const epoll_event& event, std::span<WakeToken> wakes, std::size_t& count);

  platform::Poller poller_;
  platform::WakeEvent wake_event_;
  os::AddressSpace space_;
  const std::size_t descriptors_max_;
  Atomic<bool> claimed_ = false;
  std::array<epoll_event, events_max> events_{};  // the claimer's
  Counter polls_;                                 // written by the claimer, as the next two
  Counter events_seen_;
  Counter stale_events_;
  std::unique_ptr<RingPoller> ring_;

  ThreadMutex mutex_;
  std::uint32_t free_ = none;          // guarded by mutex_
  Atomic<std::uint32_t> created_ = 0;  // written under mutex_
  Atomic<std::size_t> open_ = 0;
  static constexpr std::uint32_t none = UINT32_MAX;
};

}  // namespace c1m::runtime
