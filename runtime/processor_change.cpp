// Changing the number of processors while coroutines run, without stopping the world: what is
// wanted is one word; a worker whose processor is surplus hands everything over and leaves it at
// its next look for work. docs/runtime.md tells why nothing is lost.
#include <array>

#include "runtime/safeguard.hpp"
#include "runtime/scheduler.hpp"

namespace c1m::runtime {

os::Result<void> Scheduler::set_processors(unsigned count) {
  if (count < 1 || count > processors_max) {
    return os::fail(EINVAL, "set_processors (outside 1 to processors_max)");
  }
  if (auto bindable = binding_.check(count); !bindable) return bindable;
  const std::lock_guard lock(change_mutex_);
  const unsigned before = processors_.wanted();
  processors_.want(count);
  if (!takes_workers_) return {};
  os::Result<void> staffed;
  if (count > 1) staffed = monitor_.start();
  for (unsigned index = before; index < count && staffed; ++index) {
    // One that was surplus may still have its worker, which then stays.
    if (!processors_[index].staffed.load()) staffed = staff(processors_[index]);
  }
  if (!staffed) processors_.want(before);
  look_again();
  return staffed;
}

// change_mutex_ is held.
os::Result<void> Scheduler::staff(Processor& processor) {
  // Counted first, so that the others cannot take themselves for all there are.
  idle_workers_.add_worker();
  // And known to who was the only one before the new one looks for work: either that one's next
  // wake_another_worker() sees that it is alone no more, or what it had queued can be seen.
  if (fences_for_others_ && in_force(Safeguard::staff_fence)) platform::process_fence();
  processor.staffed.store(true);
  if (Worker* spare = take_spare()) {
    spare->assign(processor, nullptr);
    return {};
  }
  auto started = start_worker(&processor);
  if (!started) {
    processor.staffed.store(false);
    idle_workers_.remove_worker();
  }
  return started;
}

bool Scheduler::retire(Processor& processor) {
  const std::lock_guard lock(change_mutex_);
  if (!processors_.is_surplus(processor)) return false;  // wanted again
  hand_over(processor);
  processor.staffed.store(false);
  store_load_fence();  // the counterpart of queue_pinned()
  if (in_force(Safeguard::pins_move)) move_pins(processor);
  idle_workers_.remove_worker();
  // The others may all be asleep, and one of them must take what was handed over, sleep until the
  // timers that it got, or find that the run has ended.
  if (in_force(Safeguard::surplus_unparks)) look_again();
  return true;
}

// The holder's own, and change_mutex_ is held.
void Scheduler::hand_over(Processor& processor) {
  while (Coroutine* coroutine = processor.queue.pop()) global_queue_.push({&coroutine, 1});
  if (Coroutine* next = processor.next.exchange(nullptr, std::memory_order_acquire)) {
    global_queue_.push({&next, 1});
  }
  while (Coroutine* const record = processor.free_coroutines.take()) table_->give_back(*record);
  stacks_.give_back(std::span(processor.free_stacks).first(processor.free_stack_count));
  processor.free_stack_count = 0;
  stacks_.take_back_promises(std::exchange(processor.stack_promises, 0));
  store_.empty(processor.frozen_blocks);
  processor.blocks.empty_into(blocks_);
  processor.timers.move_all_to(processors_[0].timers);
}

void Scheduler::look_again() {
  store_load_fence();  // the counterpart of Worker::sleep()
  idle_workers_.for_each([](Worker& worker) { worker.unpark(); });
}

unsigned Scheduler::begin_staffing() {
  const std::lock_guard lock(change_mutex_);
  const std::uint32_t wanted = processors_.wanted();
  for (const auto& processor : processors_) {
    processor->staffed.store(processor->index < wanted);
    processor->holder.store(nullptr);
  }
  idle_workers_.set_workers(wanted);
  takes_workers_ = true;
  return wanted;
}

void Scheduler::end_staffing() {
  const std::lock_guard lock(change_mutex_);
  takes_workers_ = false;
}

// A CPU may have gone since the runtime was created: the worker then stays where it was.
void Scheduler::bind_holder(const Processor& processor) {
  if (!binding_.is_on() || binding_.bind_calling_thread(processor.index)) return;
  bindings_failed_.fetch_add(1, std::memory_order_relaxed);
}

void Scheduler::unbind() {
  if (!binding_.is_on() || binding_.unbind_calling_thread()) return;
  bindings_failed_.fetch_add(1, std::memory_order_relaxed);
}

bool Worker::leave_surplus_processor() {
  if (searching_) stop_searching();
  if (!scheduler_.retire(*processor_)) return false;
  processor_ = nullptr;
  return true;
}

}  // namespace c1m::runtime
