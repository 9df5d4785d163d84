// How a worker that finds nothing to run goes to sleep, and where; see worker.hpp, and
// docs/runtime.md for why no wake-up is lost. Not here: sleeping in virtual time
// (worker_virtual_time.cpp).
#include <algorithm>

#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

void Worker::sleep() {
  reclaim_stacks();
  IdleWorkers& idle = scheduler_.idle_workers();
  const bool all_asleep = idle.enter(*this, searching_);
  searching_ = false;
  if (in_force(Safeguard::sleep_fence)) store_load_fence();  // the counterpart of wake_a_worker()
  if (may_sleep(all_asleep)) {
    if (scheduler_.virtual_clock() != nullptr) {
      sleep_in_virtual_time(*scheduler_.virtual_clock());
      return;
    }
    if (in_force(Safeguard::network_watch) && scheduler_.netpoller().claim()) {
      sleep_in_netpoller();
      return;
    }
    processor_->counters.workers_parked.add();
    const os::Nanoseconds until_ns = std::min(processor_->timers.earliest_ns(), look_again_ns_);
    const bool timed = until_ns != TimerHeap::never && in_force(Safeguard::timed_sleep);
    parker_.park(timed ? std::max<os::Nanoseconds>(until_ns - scheduler_.now_ns(), 0) : -1);
  }
  searching_ = idle.leave(*this);
}

bool Worker::may_sleep(bool all_asleep) {
  const bool look = in_force(Safeguard::look_before_sleep);
  if (scheduler_.finished() || (look && scheduler_.has_work())) return false;
  if (processor_->pinned.size() > 0 || scheduler_.processors().is_surplus(*processor_)) {
    return false;
  }
  // Nobody runs anything, so the count of live coroutines stands still.
  if (all_asleep && scheduler_.live() == 0) {
    scheduler_.finish();
    return false;
  }
  look_again_ns_ = TimerHeap::never;
  if (!all_asleep) return true;
  const auto look_again_ns = scheduler_.sight().deadlocks.look_when_all_sleep();
  if (look_again_ns) look_again_ns_ = *look_again_ns;
  return look_again_ns.has_value();
}

// The worker that sleeps here wakes for events and for the timers of all processors; the others for
// their own timers.
void Worker::sleep_in_netpoller() {
  Netpoller& netpoller = scheduler_.netpoller();
  IdleWorkers& idle = scheduler_.idle_workers();
  std::size_t count = 0;
  if (parker_.begin_polling()) {
    processor_->counters.workers_parked.add();
    // Also for stacks to be reclaimed: after a burst nothing else may ever wake this worker.
    const os::Nanoseconds until_ns = std::min(
        {scheduler_.earliest_timer_ns(), scheduler_.stacks().reclaim_due_ns(), look_again_ns_});
    const bool timed = until_ns != TimerHeap::never && in_force(Safeguard::timed_sleep);
    const os::Nanoseconds timeout_ns =
        timed ? std::max<os::Nanoseconds>(until_ns - scheduler_.now_ns(), 0) : -1;
    count = netpoller.poll(timeout_ns, wakes_);
    parker_.end_polling();
  }
  netpoller.disclaim();
  searching_ = idle.leave(*this);
  deliver(std::span(wakes_).first(count));
}

void Worker::unpark() {
  parker_.unpark(scheduler_.netpoller().wake_event());
}

}  // namespace c1m::runtime
