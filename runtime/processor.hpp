// What one coroutine at a time runs on (Go's P): a queue of runnable coroutines, timers, and a
// cache of free records with their stacks. There are as many as coroutines may run at once.
// Threads: the queue, the next slot and the timers by any as they say; the rest by the worker that
// holds the processor. Not here: threads (worker.hpp).
#pragma once

#include <array>
#include <cstdint>

#include "runtime/atomic.hpp"
#include "runtime/blocking_hold.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/coroutine_table.hpp"
#include "runtime/frozen_pool.hpp"
#include "runtime/global_queue.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/template_table.hpp"
#include "runtime/timer_heap.hpp"

namespace c1m::runtime {

inline constexpr std::uint32_t run_queue_capacity = 256;

class Worker;

struct ProcessorCounters {
  Counter spawned;
  Counter ended;
  Counter resumed;
  Counter parked;
  Counter yielded;
  Counter wakes_dropped;
  Counter stolen;
  Counter migrated;
  Counter steal_sweeps;
  Counter overflowed;
  Counter timers_fired;
  Counter workers_parked;
  Counter workers_woken;
  Counter blocking_calls;
  Counter compact_spawned;
  Counter compact_ended;
  Counter slot_waits;
  Counter slot_turns;
  Counter waits_for_one;  // begun: AnyWait::park_for_one()
  Counter waits_for_one_ended;
  Counter frozen;
  Counter exchanged;  // one frozen and one thawed, in one
  Counter thawed;
  Counter frozen_bytes;
  Counter thawed_bytes;
  Counter frozen_stored_bytes;
  Counter freezable_begun;
  Counter freezable_ended;
  Counter stacks_thawed;
  Counter thawed_stored_bytes;
};

// What others reach has cache lines of its own, which clang-tidy takes for waste.
struct Processor {  // NOLINT(clang-analyzer-optin.performance.Padding)
  using Queue = RunQueue<Coroutine, run_queue_capacity>;

  explicit Processor(std::uint32_t index_of_processor)
      : slot_hint(index_of_processor * 64),
        random_state(index_of_processor * 0x9e3779b9u + 1),
        index(index_of_processor) {}

  Queue queue;
  // Runs before the queue: who was made runnable last, often by the coroutine that runs now and
  // waits next. Only the holder puts one in; thieves may take it.
  Atomic<Coroutine*> next = nullptr;
  TimerHeap timers;
  BlockingHold blocking_hold;
  ProcessorCounters counters;

  // Who is pinned to this processor and runnable: only the holder takes from it.
  GlobalQueue pinned;
  // A worker holds it or is about to. Written under the scheduler's lock for changes.
  Atomic<bool> staffed = false;
  // The worker that held it last, for unparking it. Its address alone is used.
  Atomic<Worker*> holder = nullptr;

  // The holder's own.
  Queue::Overflow overflow{};
  CoroutineTable::Cache free_coroutines;
  std::array<Stack, 64> free_stacks{};
  std::size_t free_stack_count = 0;
  std::size_t stack_promises = 0;  // made by the pool and not yet given to a coroutine
  FrozenCache frozen_blocks;
  FrozenCache blocks;  // for what Worker::take_block() says
  TemplateLearner frame_learner;
  std::uint32_t slot_hint;        // where to look for a slot for the next compact coroutine
  std::uint32_t tick = 0;         // resumes, for what is due every so many
  std::uint32_t next_streak = 0;  // resumes from the next slot while others waited in the queue
  std::uint32_t random_state;
  const std::uint32_t index;

  // What others could take; who is pinned is not counted.
  [[nodiscard]] bool has_work() const {
    return next.load(std::memory_order_relaxed) != nullptr || !queue.empty();
  }

  // xorshift32 (Marsaglia, 2003): only to spread thieves.
  std::uint32_t random() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
  }
};

}  // namespace c1m::runtime
