// What the writers of streams ask of the ring poller; see ring_poller.hpp and ring_outbox.hpp.
#include <mutex>
#include <tuple>

#include "os/clock.hpp"
#include "runtime/ring_poller.hpp"

namespace c1m::runtime {

Outgoing RingPoller::send_later(PollDescriptor& state, std::span<const std::byte> bytes) {
  // A ring of all threads would have to submit each send by itself, under the lock.
  if (options_.sharing == os::Ring::Sharing::any_thread) return Outgoing::must_send;
  const std::lock_guard lock(mutex_);
  // Whoever is not the ring's thread would not be the one that polls next.
  if (ring_->sharing() == os::Ring::Sharing::any_thread || !may_use_ring()) {
    return outbox_.flush(state) ? Outgoing::must_send : Outgoing::must_wait;
  }
  return outbox_.put(state, bytes);
}

bool RingPoller::flush(PollDescriptor& state) {
  if (options_.sharing == os::Ring::Sharing::any_thread) return true;
  const std::lock_guard lock(mutex_);
  return outbox_.flush(state);
}

bool RingPoller::end_after_sends(PollDescriptor& state) {
  if (options_.sharing == os::Ring::Sharing::any_thread) return false;
  const std::lock_guard lock(mutex_);
  return outbox_.end_after(state);
}

void RingPoller::end_run(std::uint32_t created) {
  const std::lock_guard lock(mutex_);
  if (outbox_.places_taken() == 0 && errands_.empty()) return;
  if (!may_use_ring() && !become_shared(created)) return;  // then the next run does it
  run_errands();
  outbox_.queue(*ring_);
  const os::Nanoseconds until_ns = os::monotonic_ns() + closing_max_ns;
  do {
    std::ignore = ring_->submit_and_run();
    settle_all();
    outbox_.queue(*ring_);
    if (!outbox_.has_closed_streams()) break;
    std::ignore = ring_->submit_and_wait(os::ns_per_ms);
  } while (os::monotonic_ns() < until_ns);
  std::ignore = ring_->submit_and_run();  // what settling has queued
  settle_all();
  to_send_.store(outbox_.places_taken(), std::memory_order_relaxed);
}

}  // namespace c1m::runtime
