// Spawning, waking, stopping and counting; see scheduler.hpp.
#include "runtime/scheduler.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "os/assert.hpp"
#include "os/pause.hpp"
#include "runtime/safeguard.hpp"
#include "runtime/stack_overflow.hpp"
#include "runtime/thread_state.hpp"

namespace c1m::runtime {

namespace {

// What of the options is for io_uring, if that is wanted.
std::optional<RingPoller::Options> ring_options(const RuntimeOptions& options) {
  if (options.poller != Poller::io_uring) return std::nullopt;
  return RingPoller::Options{.sharing = options.processors == 1 ? os::Ring::Sharing::one_thread
                                                                : os::Ring::Sharing::any_thread,
                             .buffers = options.ring_buffers,
                             .buffer_bytes = options.ring_buffer_bytes};
}

}  // namespace

os::Result<std::unique_ptr<Scheduler>> Scheduler::create(const RuntimeOptions& options) {
  const bool valid = options.processors >= 1 && options.processors <= processors_max &&
                     options.stack_bytes >= StackPool::stack_bytes_min &&
                     options.compact_slots >= 1 && options.compact_slots <= compact_slots_max &&
                     options.coroutines_max >= 1 && options.coroutines_max < UINT32_MAX &&
                     options.descriptors_max >= 1 && options.descriptors_max < UINT32_MAX &&
                     std::has_single_bit(options.ring_buffers) && options.ring_buffers <= 32'768 &&
                     options.ring_buffer_bytes >= 1 && options.ring_buffer_bytes <= UINT16_MAX;
  if (!valid) return os::fail(EINVAL, "runtime options outside their ranges");
  auto table = CoroutineTable::create(options.coroutines_max);
  if (!table) return std::unexpected(table.error());
  auto netpoller = Netpoller::create(options.descriptors_max, ring_options(options));
  if (!netpoller) return std::unexpected(netpoller.error());
  auto binding = CpuBinding::create(options.binding, options.processors);
  if (!binding) return std::unexpected(binding.error());
  if (auto watchable = FreezeWatch::check(options.freeze); !watchable) {
    return std::unexpected(watchable.error());
  }
  if (options.report_stack_overflow) {
    if (auto installed = install_overflow_report(); !installed) {
      return std::unexpected(installed.error());
    }
  }
  return std::unique_ptr<Scheduler>(
      new Scheduler(options, std::move(*table), std::move(*netpoller), std::move(*binding)));
}

Scheduler::Scheduler(const RuntimeOptions& options, std::unique_ptr<CoroutineTable> table,
                     std::unique_ptr<Netpoller> netpoller, CpuBinding binding)
    : clock_(options.clock),
      table_(std::move(table)),
      netpoller_(std::move(netpoller)),
      stacks_(options.stack_bytes, os::GuardKind::marker),
      slots_(options.compact_slots, stacks_, store_),
      freezer_(*this, store_),
      idle_workers_(options.processors),
      binding_(std::move(binding)),
      processors_(options.processors),
      fences_for_others_(platform::prepare_process_fence()),
      monitor_(*this),
      freeze_watch_(freezer_, options.freeze),
      sight_(*this, options) {
  if (clock_ != nullptr) clock_->attach(*this);
}

Scheduler::~Scheduler() {
  C1M_ASSERT(!running_.load(), "a runtime is destroyed after run() has returned");
  if (clock_ != nullptr) clock_->detach();
  if (live() > 0) drop_starts();
}

// --- running -------------------------------------------------------------------------------------

os::Result<void> Scheduler::run() {
  C1M_ASSERT(!running_.exchange(true), "one run() at a time");
  finished_.store(false);
  // This thread is the first worker; the others have threads of their own.
  const unsigned count = begin_staffing();
  Worker first(*this, &processors_[0]);
  os::Result<void> started;
  // With one processor there is nobody for the monitor to wake, until there are blocking calls.
  // A thread that starts later would inherit a worker's binding.
  if (count > 1 || binding_.is_on()) started = monitor_.start();
  if (started) started = freeze_watch_.start();
  for (unsigned index = 1; index < count && started; ++index) {
    started = start_worker(&processors_[index]);
  }
  if (started) {
    first.run();
  } else {
    finish();
  }
  unbind();
  end_staffing();
  freeze_watch_.stop();
  monitor_.stop();  // beyond this point no worker is added
  for (platform::Thread& thread : threads_) thread.join();
  while (in_force(Safeguard::outside_wait) && outside_visits_.load() != 0) os::pause_cpu();
  threads_.clear();
  spares_.clear();
  workers_.clear();
  netpoller_->end_run();
  running_.store(false);
  return started;
}

os::Result<void> Scheduler::start_worker(Processor* processor) {
  auto worker = std::make_unique<Worker>(*this, processor);
  const std::lock_guard lock(workers_mutex_);
  try {
    threads_.emplace_back([this, body = worker.get()] {
      unbind();  // of what it has inherited
      body->run();
    });
  } catch (const std::system_error& error) {
    return os::fail(error.code().value(), "pthread_create (a worker of the runtime)");
  }
  workers_.push_back(std::move(worker));
  return {};
}

void Scheduler::finish() {
  finished_.store(true);
  idle_workers_.for_each([](Worker& worker) { worker.unpark(); });
  const std::lock_guard lock(workers_mutex_);
  for (Worker* spare : spares_) spare->unpark();
}

// --- blocking calls ------------------------------------------------------------------------------

void Scheduler::blocking_call_begins() {
  // Without a monitor the call keeps its processor for as long as it lasts.
  if (processors_.wanted() == 1) std::ignore = monitor_.start();
  monitor_.nudge();
}

void Scheduler::add_spare(Worker& worker) {
  const std::lock_guard lock(workers_mutex_);
  spares_.push_back(&worker);
}

Worker* Scheduler::take_spare() {
  const std::lock_guard lock(workers_mutex_);
  if (spares_.empty()) return nullptr;
  Worker* spare = spares_.back();
  spares_.pop_back();
  return spare;
}

bool Scheduler::take_over(Processor& processor, std::uint64_t call) {
  // First the worker, then the processor: one that nobody holds would be lost.
  Worker* spare = take_spare();
  if (spare == nullptr) {
    // It becomes spare when it has started, and is found at the next look.
    std::ignore = start_worker(nullptr);
    return true;
  }
  if (!processor.blocking_hold.take_over(call)) {
    add_spare(*spare);
    spare->unpark();  // the run may have ended while it was in no list
    return false;
  }
  taken_over_calls_.fetch_add(1);  // before the spare worker can fall asleep
  spare->assign(processor, nullptr);
  return true;
}

void Scheduler::taken_over_call_ended() {
  taken_over_calls_.fetch_sub(1);
  // The last worker that fell asleep may have left a virtual clock alone because of this call.
  if (clock_ != nullptr) wake_a_worker();
}

void Scheduler::hold_time() {
  if (clock_ != nullptr) taken_over_calls_.fetch_add(1);
}

void Scheduler::release_time() {
  if (clock_ == nullptr) return;
  const OutsideVisit visit(*this);
  taken_over_call_ended();
}

bool Scheduler::has_work() const {
  if (global_queue_.size() > 0) return true;
  return std::ranges::any_of(processors_, [](const auto& each) { return each->has_work(); });
}

os::Nanoseconds Scheduler::earliest_timer_ns() const {
  os::Nanoseconds earliest_ns = TimerHeap::never;
  for (const auto& processor : processors_) {
    earliest_ns = std::min(earliest_ns, processor->timers.earliest_ns());
  }
  return earliest_ns;
}

// --- spawning ------------------------------------------------------------------------------------

Worker* Scheduler::own_worker() {
  Worker* worker = current_worker();
  if (worker == nullptr || &worker->scheduler() != this || !worker->holds_processor())
    return nullptr;
  return worker;
}

os::Result<void> Scheduler::spawn(const FunctionToStart& function, SpawnOptions options,
                                  std::source_location where) {
  Worker* worker = own_worker();
  const bool compact = compact_stacks_work && options.stack == StackPolicy::compact;
  auto taken = worker != nullptr ? worker->take_record() : table_->take();
  if (!taken) return std::unexpected(taken.error());
  Coroutine& coroutine = **taken;
  auto stack = compact ? bind_to_slot(coroutine, worker) : promise_stack(worker);
  if (!stack) {
    table_->give_back(coroutine);
    return stack;
  }
  if (freezing_works && options.stack == StackPolicy::freezable) {
    coroutine.home = StackHome::freezable_without_stack();
  }
  coroutine.start = &make_start(function, worker);
  coroutine.where.store(where, std::memory_order_relaxed);
  coroutine.placement = {};
  coroutine.wait.set(CoroutineState::runnable);
  observe_spawn(sight_.observation, coroutine);
  queue_new(coroutine, worker);
  return {};
}

void Scheduler::queue_new(Coroutine& coroutine, Worker* worker) {
  if (worker != nullptr) {
    worker->processor().counters.spawned.add();
    if (!may_queue(coroutine)) return;
    worker->push_next(coroutine);
    if (in_force(Safeguard::spawn_wake)) wake_another_worker();
  } else {
    spawned_outside_.fetch_add(1, std::memory_order_relaxed);
    if (may_queue(coroutine)) queue_from_outside(coroutine);
  }
}

// The stack itself is taken when the coroutine first runs: of many that are spawned before any of
// them runs, those that end soon share a few warm ones.
os::Result<void> Scheduler::promise_stack(Worker* worker) {
  std::size_t from_outside = 0;
  std::size_t& promises = worker != nullptr ? worker->processor().stack_promises : from_outside;
  if (promises == 0) {
    auto made = stacks_.promise(worker != nullptr ? stack_promises_batch : 1);
    if (!made) return std::unexpected(made.error());
    promises = *made;
  }
  --promises;
  return {};
}

// --- waking --------------------------------------------------------------------------------------

bool Scheduler::end_wait(WakeToken token, Coroutine*& to_queue) {
  Coroutine& coroutine = table_->at(token.coroutine_index());
  const WakeResult result = coroutine.wait.wake(token.epoch());
  if (result == WakeResult::runnable) observe_ready(sight_.observation, coroutine);
  if (result == WakeResult::runnable && may_queue(coroutine)) to_queue = &coroutine;
  if (result != WakeResult::stale) return true;
  if (Worker* worker = own_worker()) {
    worker->processor().counters.wakes_dropped.add();
  } else {
    wakes_dropped_outside_.fetch_add(1, std::memory_order_relaxed);
  }
  return false;
}

Coroutine* Scheduler::take_waiting(WakeToken token) {
  Coroutine* coroutine = nullptr;
  std::ignore = end_wait(token, coroutine);
  return coroutine;
}

void Scheduler::wake(WakeToken token) {
  if (Coroutine* coroutine = take_waiting(token)) queue_woken(*coroutine);
}

void Scheduler::queue_woken(Coroutine& coroutine) {
  if (Worker* worker = own_worker()) {
    worker->push_next(coroutine);
    if (in_force(Safeguard::ready_wake)) wake_another_worker();
  } else {
    queue_from_outside(coroutine);
  }
}

void Scheduler::queue_from_outside(Coroutine& coroutine) {
  const OutsideVisit visit(*this);
  if (coroutine.placement.is_pinned()) {
    queue_pinned(coroutine);
  } else {
    Coroutine* const one = &coroutine;
    global_queue_.push({&one, 1});
    wake_a_worker();
  }
}

bool Scheduler::poll_from_outside() {
  if (!netpoller_->claim()) return false;
  std::array<WakeToken, Netpoller::wakes_max> wakes;
  const std::size_t count = netpoller_->poll(0, wakes);
  netpoller_->disclaim();
  for (const WakeToken token : std::span(wakes).first(count)) wake(token);
  return count > 0;
}

void Scheduler::wake_another_worker() {
  // No fence: who adds a worker fences for this one, see staff().
  if (fences_for_others_ && idle_workers_.workers() == 1) return;
  wake_a_worker();
}

void Scheduler::wake_a_worker() {
  // The counterpart of Worker::sleep() and Worker::stop_searching().
  if (in_force(Safeguard::wake_fence)) store_load_fence();
  if (!idle_workers_.should_wake()) return;
  Worker* sleeper = idle_workers_.take_for_search();
  if (sleeper == nullptr) return;
  if (Worker* worker = own_worker()) worker->processor().counters.workers_woken.add();
  sleeper->unpark();
}

void Scheduler::time_has_moved() {
  store_load_fence();  // the counterpart of Worker::sleep()
  if (earliest_timer_ns() <= now_ns()) wake_a_worker();
}

void Scheduler::stop() {
  // Before the looks at words, which are sequentially consistent, and at what is behind a lock: the
  // heaps, and which descriptors there are. See Wait's users.
  stopped_.store(true);
  netpoller_->interrupt_all([this](WakeToken token) {
    if (in_force(Safeguard::stop_interrupts)) wake(token);
  });
  const std::lock_guard lock(change_mutex_);  // no timer moves from heap to heap meanwhile
  std::array<WakeToken, 64> taken;
  for (const auto& processor : processors_) {
    std::size_t count = 0;
    do {
      count = processor->timers.take_any(taken);
      for (const WakeToken token : std::span(taken).first(count)) wake(token);
    } while (count == taken.size());
  }
}

}  // namespace c1m::runtime
