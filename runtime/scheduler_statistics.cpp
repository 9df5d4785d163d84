// What the scheduler counts, added up over its processors; see statistics.hpp. Each figure is of
// some moment of the call, and no two need be of the same.
#include "runtime/scheduler.hpp"

namespace c1m::runtime {

std::uint64_t Scheduler::live() const {
  std::uint64_t spawned = spawned_outside_.load(std::memory_order_relaxed);
  std::uint64_t ended = 0;
  for (const auto& processor : processors_) {
    // Ends first: a coroutine that ends in between is then counted as live, never as less than
    // none.
    ended += processor->counters.ended.get();
  }
  for (const auto& processor : processors_) spawned += processor->counters.spawned.get();
  return spawned > ended ? spawned - ended : 0;
}

RuntimeStatistics Scheduler::statistics() const {
  RuntimeStatistics sum;
  sum.coroutines_live = live();
  sum.spawned = spawned_outside_.load(std::memory_order_relaxed);
  sum.wakes_dropped = wakes_dropped_outside_.load(std::memory_order_relaxed);
  sum.coroutines_runnable = global_queue_.size();
  for (const auto& processor : processors_) {
    const ProcessorCounters& counters = processor->counters;
    sum.coroutines_runnable += processor->queue.size() + processor->pinned.size();
    if (processor->next.load(std::memory_order_relaxed) != nullptr) ++sum.coroutines_runnable;
    sum.timers_armed += processor->timers.size();
    sum.spawned += counters.spawned.get();
    sum.resumed += counters.resumed.get();
    sum.parked += counters.parked.get();
    sum.yielded += counters.yielded.get();
    sum.wakes_dropped += counters.wakes_dropped.get();
    sum.stolen += counters.stolen.get();
    sum.migrated += counters.migrated.get();
    sum.steal_sweeps += counters.steal_sweeps.get();
    sum.overflowed += counters.overflowed.get();
    sum.timers_fired += counters.timers_fired.get();
    sum.workers_parked += counters.workers_parked.get();
    sum.workers_woken += counters.workers_woken.get();
    sum.blocking_calls += counters.blocking_calls.get();
  }
  sum.descriptors_open = netpoller_->open_count();
  sum.polls = netpoller_->polls();
  sum.poll_events = netpoller_->events();
  sum.poll_events_stale = netpoller_->stale_events();
  if (const RingPoller* ring = netpoller_->ring()) {
    sum.ring_buffers_held = ring->buffers_held();
    sum.ring_streams_to_send = ring->streams_to_send();
    sum.rings_changed = ring->changed() ? 1 : 0;
  }
  add_compact_to(sum);
  sum.stacks_reserved = stacks_.carved();
  sum.stacks_shrunk = stacks_.shrunk();
  sum.bindings_failed = bindings_failed_.load(std::memory_order_relaxed);
  sum.pins_moved = pins_moved_.load(std::memory_order_relaxed);
  sum.processors = processors_.wanted();
  sum.processors_idle = idle_workers_.sleeping();
  const std::uint64_t staffed = running_.load() ? idle_workers_.workers() : 0;
  sum.processors_surplus = staffed > sum.processors ? staffed - sum.processors : 0;
  const std::uint64_t running = running_.load() && sum.processors > sum.processors_idle
                                    ? sum.processors - sum.processors_idle
                                    : 0;
  const std::uint64_t not_parked = sum.coroutines_runnable + running;
  sum.coroutines_parked = sum.coroutines_live > not_parked ? sum.coroutines_live - not_parked : 0;
  return sum;
}

}  // namespace c1m::runtime
