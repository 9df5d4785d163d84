// A worker's part in calls that block its thread: the processor may be taken over meanwhile. See
// worker.hpp, blocking_hold.hpp.
#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/worker.hpp"

namespace c1m::runtime {

bool Worker::run_blocking_call(Coroutine& coroutine) {
  Processor& processor = *processor_;
  Observation& observation = scheduler_.sight().observation;
  processor.counters.blocking_calls.add();
  coroutine.note.write(blocking_call_.reason, 0, recent_ns_);
  observe_park(observation, coroutine, processor.index);
  // Inside the call this thread is no worker: the processor may be another's at any moment.
  set_current_worker(nullptr);
  const std::uint64_t call = processor.blocking_hold.begin();
  scheduler_.blocking_call_begins();
  blocking_call_.function(blocking_call_.argument);
  coroutine.note.clear();
  const bool kept = processor.blocking_hold.end(call);
  set_current_worker(this);
  if (kept) {
    observe_back(observation, coroutine, processor.index);
    return false;
  }
  processor_ = nullptr;
  coroutine.wait.set(CoroutineState::runnable);
  observe_ready(observation, coroutine);
  scheduler_.queue_from_outside(coroutine);
  scheduler_.taken_over_call_ended();
  return true;
}

}  // namespace c1m::runtime
