// A thread that runs coroutines (Go's M): takes the next runnable one, switches to it, settles what
// it asked for when it switches back, and sleeps when there is nothing to run anywhere. Invariants:
// `current` is the coroutine on this thread's processor while its code runs; a wait is committed on
// the thread's own stack, after the coroutine's context is saved. Threads: run() and everything for
// coroutines on this worker; unpark() by any.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "os/result.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/coroutine_entry.hpp"
#include "runtime/netpoller.hpp"
#include "runtime/parker.hpp"
#include "runtime/processor.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/stack_switch.hpp"

namespace c1m::runtime {

class Scheduler;
class VirtualClock;

// A call that may block its thread.
struct BlockingCall {
  void (*function)(void* argument) = nullptr;
  void* argument = nullptr;
  WaitReason reason = WaitReason::blocking;
};

class Worker {
 public:
  Worker(Scheduler& scheduler, Processor* processor)
      : scheduler_(scheduler), processor_(processor) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs coroutines on the calling thread until the scheduler has finished.
  void run();

  // For the coroutine that runs on this worker. After yield() and park() it may be on another, so
  // the caller asks for current_worker() again.
  [[nodiscard]] Coroutine& current() { return *current_; }
  [[nodiscard]] bool runs_coroutine() const { return current_ != nullptr; }
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] bool holds_processor() const { return processor_ != nullptr; }
  [[nodiscard]] Processor& processor() { return *processor_; }
  // The time of this worker's last look at the network or for sleep: at most some 60 resumes or one
  // long resume ago. For what need not be exact.
  [[nodiscard]] os::Nanoseconds recent_ns() const { return recent_ns_; }
  void yield() { suspend(Request::yield); }
  void park() { suspend(Request::park); }
  void call_blocking(BlockingCall call) {
    blocking_call_ = call;
    suspend(Request::block);
  }
  [[noreturn]] void finish_current();
  // One of the operations that a coroutine may do before it gives way to others. True when it must.
  bool spend_budget() { return --budget_ == 0; }
  // The next look for work asks the network first.
  void poll_soon() { poll_due_ = true; }

  // By this thread, also while it runs a coroutine: `coroutine` is runnable. First in line, or
  // last.
  void push_next(Coroutine& coroutine);
  void push_last(Coroutine& coroutine);

  // A free record from the processor's cache or the table.
  [[nodiscard]] os::Result<Coroutine*> take_record();
  // Memory for a Start or a WaitSources; given back with the same number of bytes.
  [[nodiscard]] void* take_block(std::size_t bytes);
  void give_back_block(void* block, std::size_t bytes);

  void unpark();

  // By whoever took this worker out of the scheduler's spare ones: it shall hold `processor`.
  // Or a thread's only coroutine: it shall run `first` with it.
  void assign(Processor& processor, Coroutine* first);

  // From now on this thread runs `coroutine` alone; nullptr: any.
  void lock_to(Coroutine* coroutine) { locked_to_ = coroutine; }

 private:
  enum class Request : std::uint8_t { yield, park, block, finish };

  void suspend(Request request) {
    request_ = request;
    current_->suspend(thread_);  // returns on whatever worker resumes it: nothing of this one after
  }
  void execute(Coroutine& coroutine);
  void send_to_its_thread(Coroutine& coroutine);
  void rest();
  void hold();
  bool settle(Coroutine& coroutine);
  bool run_blocking_call(Coroutine& coroutine);
  void recycle(Coroutine& coroutine);
  void bring_frames(Coroutine& coroutine);
  void attach_stack(Coroutine& coroutine);
  void keep_stack(Stack stack);
  void leave_slot(StackSlot& slot);
  bool leave_surplus_processor();  // false: it is wanted again
  bool wait_for_processor();       // false: the scheduler has finished

  // nullptr: the scheduler has finished, or the processor was surplus and is left.
  Coroutine* find_runnable();
  Coroutine* look_for_work();
  Coroutine* take_local();
  void fetch_ahead();
  Coroutine* take_global();
  Coroutine* take_pinned();
  Coroutine* look_around_fairly();
  Coroutine* steal();
  Coroutine* steal_from(Processor& victim, bool last_pass);
  void fire_due_timers(Processor& processor);
  void poll_network(os::Nanoseconds timeout_ns);
  void deliver(std::span<const WakeToken> wakes);
  void stop_searching();
  void reclaim_stacks();
  void sleep();
  void sleep_in_netpoller();
  void sleep_in_virtual_time(VirtualClock& clock);
  bool claim_netpoller_if_last();
  bool move_to_due_timers(VirtualClock& clock, bool all_asleep);
  [[nodiscard]] bool may_sleep(bool all_asleep);

  Scheduler& scheduler_;
  Processor* processor_;  // nullptr for a spare worker
  Atomic<Processor*> assigned_ = nullptr;
  Coroutine* assigned_first_ = nullptr;  // travels with assigned_
  Coroutine* locked_to_ = nullptr;       // this thread runs nothing else
  BlockingCall blocking_call_;
  ThreadContext thread_{coroutine_entry};
  Coroutine* current_ = nullptr;
  Request request_ = Request::yield;
  bool searching_ = false;  // counted as such in IdleWorkers
  bool poll_due_ = false;
  int budget_ = 0;
  os::Nanoseconds recent_ns_ = 0;
  os::Nanoseconds look_again_ns_ = 0;  // when this sleep must end for the sake of DeadlockWatch
  std::array<WakeToken, Netpoller::wakes_max> wakes_{};
  Parker parker_;
};

}  // namespace c1m::runtime
