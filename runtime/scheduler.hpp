// What the workers of one runtime share, and the ways in from other threads.
// Invariants: a coroutine that is runnable stands in one queue; when one is added while a worker
// sleeps and none searches, one is woken. Threads: every public function by any thread unless it
// says else. Not here: what a single worker does (worker.hpp).
#pragma once

#include <memory>
#include <source_location>
#include <unordered_map>
#include <vector>

#include "os/result.hpp"
#include "runtime/coroutine_table.hpp"
#include "runtime/cpu_binding.hpp"
#include "runtime/frame_store.hpp"
#include "runtime/freeze_watch.hpp"
#include "runtime/freezer.hpp"
#include "runtime/global_queue.hpp"
#include "runtime/idle_workers.hpp"
#include "runtime/monitor.hpp"
#include "runtime/netpoller.hpp"
#include "runtime/platform.hpp"
#include "runtime/processor.hpp"
#include "runtime/processor_set.hpp"
#include "runtime/runtime.hpp"
#include "runtime/sight.hpp"
#include "runtime/slot_table.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/statistics.hpp"
#include "runtime/virtual_clock.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

class Scheduler {
 public:
  [[nodiscard]] static os::Result<std::unique_ptr<Scheduler>> create(const RuntimeOptions& options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Turns the calling thread and as many more as needed into workers until no coroutine is left.
  [[nodiscard]] os::Result<void> run();

  // See spawn.hpp; `function` is moved from only when this succeeds.
  [[nodiscard]] os::Result<void> spawn(const FunctionToStart& function, SpawnOptions options,
                                       std::source_location where);

  // Ends the wait of `token`, if it goes on, and queues the coroutine.
  void wake(WakeToken token);
  // The record with that index, which exists: for lists of waiters.
  [[nodiscard]] Coroutine& coroutine_at(std::uint32_t index) { return table_->at(index); }
  // wake() without the queueing: the coroutine, now runnable and the caller's to queue, or
  // nullptr.
  [[nodiscard]] Coroutine* take_waiting(WakeToken token);
  // The same for who has to know whether this call has ended the wait: then true, and `to_queue` is
  // nullptr when the coroutine had not parked or another of its slot is queued.
  [[nodiscard]] bool end_wait(WakeToken token, Coroutine*& to_queue);
  // Queues a coroutine of end_wait(). By any thread: the runtime waits for the end of this.
  void queue_woken(Coroutine& coroutine);
  // `coroutine` became runnable. False: another of its slot is queued or runs, whose worker will
  // queue it; not to be touched any more.
  [[nodiscard]] bool may_queue(Coroutine& coroutine);
  // Work was added to a queue: wakes a worker if one sleeps and none is looking anyway.
  void wake_a_worker();
  // The same by a worker that runs: cheap while there is no other.
  void wake_another_worker();

  // `coroutine` is runnable, and the calling thread holds no processor; run() returns after this.
  void queue_from_outside(Coroutine& coroutine);

  // `coroutine` is runnable and pinned: queues it at its processor.
  void queue_pinned(Coroutine& coroutine);

  // See ThreadLock. By the coroutine, which runs on `worker`. Fails when no thread can be had.
  [[nodiscard]] os::Result<void> lock_to_thread(Coroutine& coroutine, Worker& worker);
  void unlock_from_thread(Coroutine& coroutine, Worker& worker);
  [[nodiscard]] Worker& thread_of(const Coroutine& coroutine) const;
  // By the holder of `processor`: another worker shall hold it.
  void give_to_spare(Processor& processor);

  // See Runtime::set_processors().
  [[nodiscard]] os::Result<void> set_processors(unsigned count);

  void stop();
  [[nodiscard]] bool stopped() const { return stopped_.load(); }

  // The time for everything in the runtime: timers, deadlines, sleeps.
  [[nodiscard]] os::Nanoseconds now_ns() const {
    return clock_ == nullptr ? platform::monotonic_ns() : clock_->now_ns();
  }
  // The same, up to 4 ms late and for a fifth of the price.
  [[nodiscard]] os::Nanoseconds coarse_now_ns() const {
    return clock_ == nullptr ? platform::coarse_monotonic_ns() : clock_->now_ns();
  }
  [[nodiscard]] VirtualClock* virtual_clock() { return clock_; }
  // The virtual clock shows a later time: who sleeps must look at the timers again.
  void time_has_moved();

  [[nodiscard]] RuntimeStatistics statistics() const;

  [[nodiscard]] Sight& sight() { return sight_; }

  // For workers.
  [[nodiscard]] bool has_work() const;
  [[nodiscard]] std::uint64_t live() const;
  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_relaxed); }
  void finish();
  CoroutineTable& table() { return *table_; }
  static constexpr std::size_t stack_promises_batch = 32;
  [[nodiscard]] os::Nanoseconds earliest_timer_ns() const;
  void add_spare(Worker& worker);
  // By a worker that has got `processor`.
  void bind_holder(const Processor& processor);
  // By the holder of a surplus processor: takes everything from it. False: it is wanted again.
  bool retire(Processor& processor);
  void blocking_call_begins();
  // The coroutine of a call that was taken over is queued again.
  void taken_over_call_ended();
  // Whether calls go on that no worker's sleep waits for.
  [[nodiscard]] bool has_taken_over_calls() const { return taken_over_calls_.load() != 0; }

  // By who has waiting coroutines in hand that others may make runnable: a virtual clock stands
  // still in between.
  void hold_time();
  void release_time();

  // For the monitor: looks at the network and queues who can go on. False: there is nobody.
  bool poll_from_outside();

  // For the monitor: gives the processor of a worker that is in blocking call number `call` to a
  // spare worker or a new one. False when the call has ended, or no thread can be had.
  bool take_over(Processor& processor, std::uint64_t call);

  CoroutineTable& coroutine_table() { return *table_; }
  GlobalQueue& global_queue() { return global_queue_; }
  IdleWorkers& idle_workers() { return idle_workers_; }
  Netpoller& netpoller() { return *netpoller_; }
  StackPool& stacks() { return stacks_; }
  SlotTable& slots() { return slots_; }
  Freezer& freezer() { return freezer_; }
  // For what each coroutine needs for a while (Worker::take_block).
  FrozenPool& blocks() { return blocks_; }
  ProcessorSet& processors() { return processors_; }

 private:
  // While one exists run() does not free the workers. For who may outlast the run's last coroutine:
  // who queues from outside has one from before anybody can run the coroutine until it has looked
  // at the workers for the last time; release_time() has one for its look.
  class OutsideVisit {
   public:
    explicit OutsideVisit(Scheduler& scheduler) : visits_(scheduler.outside_visits_) {
      visits_.fetch_add(1);
    }
    ~OutsideVisit() { visits_.fetch_sub(1); }
    OutsideVisit(const OutsideVisit&) = delete;
    OutsideVisit& operator=(const OutsideVisit&) = delete;

   private:
    Atomic<std::uint32_t>& visits_;
  };

  void add_compact_to(RuntimeStatistics& sum) const;
  Scheduler(const RuntimeOptions& options, std::unique_ptr<CoroutineTable> table,
            std::unique_ptr<Netpoller> netpoller, CpuBinding binding);
  // The worker that the calling thread is in this runtime, if it holds a processor, or nullptr.
  [[nodiscard]] Worker* own_worker();
  [[nodiscard]] os::Result<void> bind_to_slot(Coroutine& coroutine, Worker* worker);
  [[nodiscard]] os::Result<void> promise_stack(Worker* worker);
  [[nodiscard]] Start& make_start(const FunctionToStart& function, Worker* worker);
  void drop_starts();
  [[nodiscard]] os::Result<void> start_worker(Processor* processor);
  [[nodiscard]] Worker* take_spare();
  [[nodiscard]] os::Result<void> staff(Processor& processor);
  void queue_new(Coroutine& coroutine, Worker* worker);
  void hand_over(Processor& processor);
  void move_pins(Processor& left);
  [[nodiscard]] bool has_spare() const;
  void unbind();
  void look_again();
  [[nodiscard]] unsigned begin_staffing();  // returns how many processors have been wanted
  void end_staffing();

  VirtualClock* const clock_;  // nullptr: the monotonic clock
  FrozenPool blocks_;
  std::unique_ptr<CoroutineTable> table_;
  std::unique_ptr<Netpoller> netpoller_;
  StackPool stacks_;
  FrameStore store_;  // for who is not on a stack
  SlotTable slots_;
  Freezer freezer_;
  GlobalQueue global_queue_;
  IdleWorkers idle_workers_;
  const CpuBinding binding_;
  ProcessorSet processors_;
  const bool fences_for_others_;  // process_fence() works
  ThreadMutex change_mutex_;      // of who has a worker and where timers are
  bool takes_workers_ = false;    // guarded by change_mutex_
  Monitor monitor_;
  FreezeWatch freeze_watch_;
  Sight sight_;
  mutable ThreadMutex workers_mutex_;
  // Guarded by workers_mutex_, as the next three; of the present run. One a processor, and one more
  // for each that was ever in a long blocking call at the same time.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<platform::Thread> threads_;
  std::vector<Worker*> spares_;
  std::unordered_map<std::uint32_t, Worker*> thread_locks_;  // by index of the coroutine
  // Sequentially consistent: waits look at it after they have published themselves (wait.hpp).
  Atomic<bool> stopped_ = false;
  Atomic<bool> finished_ = false;
  Atomic<bool> running_ = false;
  Atomic<std::int32_t> taken_over_calls_ = 0;  // and time holds; only a virtual clock asks
  // By threads that are no workers.
  ThreadMutex outside_blocks_mutex_;
  FrozenCache outside_blocks_;  // guarded by outside_blocks_mutex_
  Atomic<std::uint32_t> outside_visits_ = 0;
  Atomic<std::uint64_t> spawned_outside_ = 0;
  Atomic<std::uint64_t> compact_spawned_outside_ = 0;
  Atomic<std::uint64_t> slot_waits_outside_ = 0;
  Atomic<std::uint32_t> slot_hint_outside_ = 0;
  Atomic<std::uint64_t> wakes_dropped_outside_ = 0;
  Atomic<std::uint64_t> pins_moved_ = 0;
  Atomic<std::uint64_t> bindings_failed_ = 0;
};

}  // namespace c1m::runtime
