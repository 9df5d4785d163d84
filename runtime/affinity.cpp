// Pins and thread locks, and what they mean for the scheduler and its workers. A pinned coroutine
// waits in a queue that only the holder of its processor takes from. One with a thread of its own
// stands in any queue; whoever finds it gives its processor to that thread. See affinity.hpp.
#include "runtime/affinity.hpp"

#include "os/assert.hpp"
#include "os/clock.hpp"
#include "os/thread.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/wait.hpp"

namespace c1m::runtime {

unsigned current_processor() {
  return worker_of_caller().processor().index;
}

// --- pinned to a processor -----------------------------------------------------------------------

ProcessorPin::ProcessorPin()
    : coroutine_(worker_of_caller().current()), first_processor_(current_processor()) {
  Placement& placement = coroutine_.placement;
  C1M_ASSERT(!placement.is_pinned() && !placement.has_thread, "one pin or thread lock at a time");
  placement.pinned_to = static_cast<std::uint16_t>(first_processor_);
}

ProcessorPin::~ProcessorPin() {
  C1M_ASSERT(&worker_of_caller().current() == &coroutine_, "a pin is its coroutine's own");
  coroutine_.placement.pinned_to = Placement::anywhere;
}

unsigned ProcessorPin::processor() const {
  return coroutine_.placement.pinned_to;
}

void Scheduler::queue_pinned(Coroutine& coroutine) {
  Processor& home = processors_[coroutine.placement.pinned_to];
  Coroutine* const one = &coroutine;
  home.pinned.push({&one, 1});
  // The counterparts: Worker::sleep() and hold(), which look at the queue afterwards, and retire(),
  // which empties it afterwards.
  store_load_fence();
  if (!home.staffed.load(std::memory_order_relaxed)) {
    move_pins(home);
  } else if (Worker* holder = home.holder.load(std::memory_order_relaxed)) {
    const bool unpark = in_force(Safeguard::pin_unparks);
    if (unpark) idle_workers_.take(*holder, [holder] { holder->unpark(); });
  }
}

// By anyone, at once: each coroutine is taken out by one of them.
void Scheduler::move_pins(Processor& left) {
  Coroutine* coroutine = nullptr;
  while (left.pinned.pop({&coroutine, 1}) == 1) {
    // Processor 0 is never left; one that is wanted may not have its worker yet.
    const std::uint32_t index = left.index % processors_.wanted();
    const bool staffed = processors_[index].staffed.load(std::memory_order_relaxed);
    coroutine->placement.pinned_to = static_cast<std::uint16_t>(staffed ? index : 0);
    pins_moved_.fetch_add(1, std::memory_order_relaxed);
    queue_pinned(*coroutine);
  }
}

Coroutine* Worker::take_pinned() {
  // In turn with the others, so that neither starve.
  if (processor_->tick % 2 != 0 && processor_->has_work()) return nullptr;
  Coroutine* coroutine = nullptr;
  processor_->pinned.pop({&coroutine, 1});
  return coroutine;
}

void Worker::hold() {
  scheduler_.bind_holder(*processor_);
  // Before the looks for work: who queues a pinned coroutine sees the holder, or this sees the
  // coroutine.
  processor_->holder.store(this);
  store_load_fence();
}

// --- locked to a thread --------------------------------------------------------------------------

os::Result<ThreadLock> ThreadLock::acquire() {
  Worker& worker = worker_of_caller();
  Coroutine& coroutine = worker.current();
  const Placement& placement = coroutine.placement;
  C1M_ASSERT(!placement.is_pinned() && !placement.has_thread, "one pin or thread lock at a time");
  if (auto locked = worker.scheduler().lock_to_thread(coroutine, worker); !locked) {
    return std::unexpected(locked.error());
  }
  return ThreadLock(coroutine);
}

ThreadLock::~ThreadLock() {
  if (coroutine_ == nullptr) return;
  Worker& worker = worker_of_caller();
  C1M_ASSERT(&worker.current() == coroutine_, "a thread lock is its coroutine's own");
  worker.scheduler().unlock_from_thread(*coroutine_, worker);
}

os::Result<void> Scheduler::lock_to_thread(Coroutine& coroutine, Worker& worker) {
  if (!has_spare()) {
    if (auto started = start_worker(nullptr); !started) return started;
  }
  const std::lock_guard lock(workers_mutex_);
  thread_locks_.emplace(coroutine.index, &worker);
  coroutine.placement.has_thread = true;
  worker.lock_to(&coroutine);
  return {};
}

void Scheduler::unlock_from_thread(Coroutine& coroutine, Worker& worker) {
  const std::lock_guard lock(workers_mutex_);
  thread_locks_.erase(coroutine.index);
  coroutine.placement.has_thread = false;
  worker.lock_to(nullptr);
}

bool Scheduler::has_spare() const {
  const std::lock_guard lock(workers_mutex_);
  return !spares_.empty();
}

Worker& Scheduler::thread_of(const Coroutine& coroutine) const {
  const std::lock_guard lock(workers_mutex_);
  return *thread_locks_.at(coroutine.index);
}

void Scheduler::give_to_spare(Processor& processor) {
  for (;;) {
    if (Worker* spare = take_spare()) {
      spare->assign(processor, nullptr);
      return;
    }
    if (start_worker(&processor)) return;
    // Somebody else was given the thread that was there when the lock was acquired. The processor
    // waits until there is one again: a blocking call ends, or the limit is raised.
    os::sleep_for(os::ns_per_ms);
  }
}

void Worker::send_to_its_thread(Coroutine& coroutine) {
  Processor& processor = *std::exchange(processor_, nullptr);
  scheduler_.thread_of(coroutine).assign(processor, &coroutine);
}

// The coroutine waits or stands in a queue. Until somebody brings it back, this thread runs
// nothing.
void Worker::rest() {
  if (processor_ != nullptr) scheduler_.give_to_spare(*std::exchange(processor_, nullptr));
}

}  // namespace c1m::runtime
