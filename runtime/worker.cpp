// The life of a worker: find, run, settle. See worker.hpp; docs/runtime.md tells the order
// in which work is looked for and why no wake-up is lost.
#include "runtime/worker.hpp"

#include <algorithm>

#include "os/assert.hpp"
#include "os/thread.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/stack_overflow.hpp"
#include "runtime/thread_state.hpp"

namespace c1m::runtime {
namespace {

// Of every so many resumes one looks at the global queue and the network first, so that a processor
// whose own queue never empties does not starve them. Prime, as in Go, to fall out of step with any
// pattern of the program.
constexpr std::uint32_t fairness_ticks = 61;
// With a full queue the clock is read this often for the sake of timers.
constexpr std::uint32_t timer_ticks = 16;
// So many resumes in a row may come from the next slot while others wait in the queue.
constexpr std::uint32_t next_streak_max = 3;
// Operations that a coroutine may do without waiting before it gives way.
constexpr int budget_operations = 128;
constexpr int steal_passes = 4;
// A coroutine in another processor's next slot is stolen when that one resumes nobody for so long.
// As in Go (proc.go, runqgrab): less than a wake-up elsewhere costs, more than most turns last. The
// thief counts as searching meanwhile, so nobody wakes a further one.
constexpr os::Nanoseconds next_grace_ns = 3 * os::ns_per_us;
// Of a batch that is woken, the record so many places on is fetched into the cache.
constexpr std::size_t records_ahead = 4;
constexpr std::size_t global_batch_max = run_queue_capacity / 2;

}  // namespace

// Inline, because a return after a switch goes where the CPU does not expect it: it predicts by its
// own list of calls, in which those of the coroutine stand.
[[gnu::always_inline]] inline void Worker::execute(Coroutine& coroutine) {
  processor_->counters.resumed.add();
  std::uint16_t& ran_on = coroutine.placement.ran_on;
  if (ran_on != processor_->index) {
    if (ran_on != Placement::anywhere) processor_->counters.migrated.add();
    ran_on = static_cast<std::uint16_t>(processor_->index);
  }
  budget_ = budget_operations;
  coroutine.wait.set(CoroutineState::running);
  current_ = &coroutine;
  if (coroutine.home.slot() != nullptr) {
    scheduler_.slots().move_in(coroutine, *processor_);
  } else if (!coroutine.home.has_own_frames()) {
    bring_frames(coroutine);
  }
  observe_run(scheduler_.sight().observation, coroutine, processor_->index);
  do {
    coroutine.resume(thread_);
  } while (!settle(coroutine));
  current_ = nullptr;
}

void Worker::run() {
  const SignalStack signal_stack;
  const os::ExactWaits exact_waits;  // or each sleep would end some 50 us late
  thread_.attach();
  Worker* outer = current_worker();  // run() inside a coroutine of another runtime
  set_current_worker(this);
  recent_ns_ = scheduler_.coarse_now_ns();
  if (processor_ != nullptr) hold();
  while (processor_ != nullptr || wait_for_processor()) {
    Coroutine* coroutine = std::exchange(assigned_first_, nullptr);
    if (coroutine == nullptr) coroutine = find_runnable();
    if (coroutine == nullptr && processor_ != nullptr) break;
    if (coroutine == nullptr) continue;
    if (coroutine->placement.has_thread && locked_to_ != coroutine) {
      send_to_its_thread(*coroutine);
      continue;
    }
    execute(*coroutine);
    if (locked_to_ != nullptr) rest();
  }
  set_current_worker(outer);
}

bool Worker::wait_for_processor() {
  if (locked_to_ == nullptr) scheduler_.add_spare(*this);
  while (!scheduler_.finished()) {
    // Acquire: the processor as its last holder left it.
    processor_ = assigned_.exchange(nullptr, std::memory_order_acquire);
    if (processor_ != nullptr) {
      hold();
      return true;
    }
    parker_.park(-1);
  }
  return false;
}

void Worker::assign(Processor& processor, Coroutine* first) {
  assigned_first_ = first;
  assigned_.store(&processor, std::memory_order_release);
  unpark();
}

// --- running -------------------------------------------------------------------------------------

// False: the coroutine runs on. After a wait is committed the coroutine may be on another worker
// already and must not be touched.
bool Worker::settle(Coroutine& coroutine) {
  StackSlot* const slot = coroutine.home.slot();
  switch (request_) {
    case Request::yield:
      processor_->counters.yielded.add();
      observe_yield(scheduler_.sight().observation, coroutine, processor_->index);
      coroutine.wait.set(CoroutineState::runnable);
      if (scheduler_.may_queue(coroutine)) push_last(coroutine);
      break;
    case Request::park:
      observe_park(scheduler_.sight().observation, coroutine, processor_->index);
      if (!coroutine.wait.park()) return false;
      processor_->counters.parked.add();
      break;
    case Request::block:
      return run_blocking_call(coroutine);
    case Request::finish:
      observe_end(scheduler_.sight().observation, coroutine, processor_->index);
      recycle(coroutine);
      break;
  }
  if (slot != nullptr) leave_slot(*slot);
  return true;
}

void Worker::finish_current() {
  request_ = Request::finish;
  current_->suspend_for_ever(thread_);
}

// --- queueing ------------------------------------------------------------------------------------

void Worker::push_next(Coroutine& coroutine) {
  if (coroutine.placement.is_pinned()) {  // never stands in the next slot
    push_last(coroutine);
    return;
  }
  Atomic<Coroutine*>& next = processor_->next;
  if (next.load(std::memory_order_relaxed) == nullptr) {
    // It stays empty until this worker fills it. Release: a thief sees the coroutine's record.
    next.store(&coroutine, std::memory_order_release);
    return;
  }
  // Acquire: what a thief does not get is this worker's again.
  Coroutine* const last = next.exchange(&coroutine, std::memory_order_acq_rel);
  if (last != nullptr) push_last(*last);
}

void Worker::push_last(Coroutine& coroutine) {
  if (coroutine.placement.is_pinned()) {
    scheduler_.queue_pinned(coroutine);
    return;
  }
  const std::uint32_t overflowed = processor_->queue.push(&coroutine, processor_->overflow);
  if (overflowed == 0) return;
  processor_->counters.overflowed.add(overflowed);
  scheduler_.global_queue().push(std::span(processor_->overflow).first(overflowed));
}

// --- looking for work ----------------------------------------------------------------------------

Coroutine* Worker::find_runnable() {
  while (!scheduler_.finished()) {
    const bool surplus = scheduler_.processors().is_surplus(*processor_);
    if (surplus && leave_surplus_processor()) return nullptr;
    if (Coroutine* coroutine = look_for_work()) {
      if (searching_) stop_searching();
      return coroutine;
    }
    sleep();
    recent_ns_ = scheduler_.coarse_now_ns();
  }
  if (searching_) stop_searching();
  return nullptr;
}

Coroutine* Worker::look_for_work() {
  ++processor_->tick;
  if (poll_due_ || processor_->tick % fairness_ticks == 0) {
    if (Coroutine* coroutine = look_around_fairly()) return coroutine;
  }
  if (processor_->tick % timer_ticks == 0) fire_due_timers(*processor_);
  if (Coroutine* coroutine = take_local()) return coroutine;
  fire_due_timers(*processor_);
  if (Coroutine* coroutine = take_local()) return coroutine;
  if (Coroutine* coroutine = take_global()) return coroutine;
  return steal();
}

Coroutine* Worker::take_local() {
  if (processor_->pinned.size() > 0) {
    if (Coroutine* pinned = take_pinned()) return pinned;
  }
  const bool next_may_run = processor_->next_streak < next_streak_max;
  if (next_may_run && processor_->next.load(std::memory_order_relaxed) != nullptr) {
    ++processor_->next_streak;
    if (Coroutine* next = processor_->next.exchange(nullptr, std::memory_order_acquire))
      return next;
  }
  processor_->next_streak = 0;
  if (Coroutine* oldest = processor_->queue.pop()) {
    fetch_ahead();
    return oldest;
  }
  if (processor_->next.load(std::memory_order_relaxed) == nullptr) return nullptr;
  return processor_->next.exchange(nullptr, std::memory_order_acquire);
}

// What the kernel does for one coroutine drives the records and frames of the next out of the
// cache.
inline void Worker::fetch_ahead() {
  __builtin_prefetch(processor_->queue.peek(1));
  if (const Coroutine* following = processor_->queue.peek(0)) following->prefetch_frames();
}

Coroutine* Worker::look_around_fairly() {
  recent_ns_ = scheduler_.coarse_now_ns();
  poll_due_ = false;
  reclaim_stacks();
  Netpoller& netpoller = scheduler_.netpoller();
  const bool has_room = processor_->queue.room() >= Netpoller::events_max;
  if (netpoller.is_used() && has_room && netpoller.claim()) {
    poll_network(0);
  }
  Coroutine* coroutine = nullptr;
  scheduler_.global_queue().pop({&coroutine, 1});
  return coroutine;
}

// This processor's share of the global queue: one is returned, the others queued.
Coroutine* Worker::take_global() {
  const std::size_t waiting = scheduler_.global_queue().size();
  if (waiting == 0) return nullptr;
  std::array<Coroutine*, global_batch_max> batch;
  const std::size_t share = waiting / scheduler_.processors().wanted() + 1;
  const std::size_t count =
      scheduler_.global_queue().pop(std::span(batch).first(std::min(share, batch.size())));
  for (std::size_t i = 1; i < count; ++i) push_last(*batch[i]);
  return count == 0 ? nullptr : batch[0];
}

Coroutine* Worker::steal() {
  auto& processors = scheduler_.processors();
  const auto count = static_cast<std::uint32_t>(processors.size());
  if (count == 1) return nullptr;
  if (!searching_) searching_ = scheduler_.idle_workers().start_search();
  if (!searching_) return nullptr;
  processor_->counters.steal_sweeps.add();
  for (int pass = 0; pass < steal_passes; ++pass) {
    const std::uint32_t start = processor_->random();
    for (std::uint32_t i = 0; i < count; ++i) {
      Processor& victim = processors[(start + i) % count];
      if (&victim == processor_) continue;
      if (Coroutine* stolen = steal_from(victim, pass == steal_passes - 1)) return stolen;
    }
  }
  return take_local();  // what another processor's timers have made runnable
}

Coroutine* Worker::steal_from(Processor& victim, bool last_pass) {
  std::uint32_t moved = 0;
  if (Coroutine* stolen = processor_->queue.steal_from(victim.queue, moved)) {
    processor_->counters.stolen.add(moved);
    return stolen;
  }
  if (!last_pass) return nullptr;
  fire_due_timers(victim);
  if (Coroutine* fired = take_local()) return fired;
  // Last, and only from one that does not get to it: two that wake each other in turn stay
  // together.
  if (victim.next.load(std::memory_order_relaxed) == nullptr) return nullptr;
  const std::uint64_t resumed = victim.counters.resumed.get();
  platform::sleep_for(next_grace_ns);
  if (victim.counters.resumed.get() != resumed) return nullptr;
  Coroutine* stolen = victim.next.exchange(nullptr, std::memory_order_acquire);
  if (stolen != nullptr) processor_->counters.stolen.add();
  return stolen;
}

// The caller ends up with what it needs; others may have kept still because somebody searched.
void Worker::stop_searching() {
  searching_ = false;
  const bool last = scheduler_.idle_workers().end_search();
  if (!last || !in_force(Safeguard::look_after_search)) return;
  // The counterpart of wake_a_worker(). On x86 end_search() is a fence too, elsewhere it is not.
  if (in_force(Safeguard::search_fence)) store_load_fence();
  if (scheduler_.has_work()) scheduler_.wake_a_worker();
}

// --- timers and network --------------------------------------------------------------------------

void Worker::fire_due_timers(Processor& processor) {
  if (processor.timers.earliest_ns() == TimerHeap::never) return;
  const os::Nanoseconds now_ns = scheduler_.now_ns();
  std::array<WakeToken, 64> due;
  std::size_t count = 0;
  do {
    count = processor.timers.take_due(now_ns, due);
    processor_->counters.timers_fired.add(count);
    deliver(std::span(due).first(count));
  } while (count == due.size());
}

// The netpoller is claimed; this gives it up.
void Worker::poll_network(os::Nanoseconds timeout_ns) {
  const std::size_t count = scheduler_.netpoller().poll(timeout_ns, wakes_);
  scheduler_.netpoller().disclaim();
  deliver(std::span(wakes_).first(count));
}

// Queues who can go on. One wake-up for all of them, and none for a single one that this worker
// will run next itself: waking another worker costs more than most coroutines' turns.
void Worker::deliver(std::span<const WakeToken> wakes) {
  std::size_t queued = 0;
  for (std::size_t i = 0; i < wakes.size(); ++i) {
    if (i + records_ahead < wakes.size()) {
      scheduler_.table().prefetch(wakes[i + records_ahead].coroutine_index());
    }
    Coroutine* coroutine = scheduler_.take_waiting(wakes[i]);
    if (coroutine == nullptr) continue;
    push_last(*coroutine);
    ++queued;
  }
  const bool more_than_one =
      processor_->queue.size() > 1 || processor_->next.load(std::memory_order_relaxed) != nullptr;
  if (queued > 0 && more_than_one && in_force(Safeguard::batch_wake)) {
    scheduler_.wake_another_worker();
  }
}

}  // namespace c1m::runtime
