// How a worker sleeps when the runtime has a virtual clock (virtual_clock.hpp): not for a time,
// because time stands still, but until there is an event, an unpark() or a later time. Whoever
// falls asleep last looks at the network and lets the clock jump, if it moves by itself. Invariant:
// here, who has claimed the netpoller and has events leaves the list of sleepers before it gives
// the claim up; so with the claim in hand "all asleep" means that nobody has anything to run.
#include <span>
#include <thread>

#include "runtime/scheduler.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

// The caller stands in the list of sleepers and has looked at the queues since.
void Worker::sleep_in_virtual_time(VirtualClock& clock) {
  Netpoller& netpoller = scheduler_.netpoller();
  IdleWorkers& idle = scheduler_.idle_workers();
  const bool claimed = claim_netpoller_if_last();
  std::size_t count = claimed ? netpoller.poll(0, wakes_) : 0;
  const bool last = claimed && idle.all_asleep();
  if (count == 0 && !move_to_due_timers(clock, last)) {
    processor_->counters.workers_parked.add();
    if (!last) {
      if (claimed) netpoller.disclaim();
      parker_.park(-1);
      searching_ = idle.leave(*this);
      return;
    }
    if (parker_.begin_polling()) {
      count = netpoller.poll(-1, wakes_);
      parker_.end_polling();
    }
  }
  searching_ = idle.leave(*this);
  if (claimed) netpoller.disclaim();
  deliver(std::span(wakes_).first(count));
  for (const auto& processor : scheduler_.processors()) fire_due_timers(*processor);
}

// Somebody else may look at the network for a moment, or wait for events there although this worker
// is the last one now.
bool Worker::claim_netpoller_if_last() {
  Netpoller& netpoller = scheduler_.netpoller();
  while (!netpoller.claim()) {
    if (!scheduler_.idle_workers().all_asleep()) return false;
    netpoller.wake_event().signal();
    std::this_thread::yield();
  }
  return true;
}

// True when there are timers to fire, because the time has moved before or does so here.
bool Worker::move_to_due_timers(VirtualClock& clock, bool all_asleep) {
  const os::Nanoseconds earliest_ns = scheduler_.earliest_timer_ns();
  if (earliest_ns <= clock.now_ns()) return true;
  const bool jump = all_asleep && clock.moves_when_idle() && earliest_ns != TimerHeap::never &&
                    !scheduler_.has_taken_over_calls();
  if (jump) clock.move_to(earliest_ns);
  return jump;
}

}  // namespace c1m::runtime
