// What the runtime counts, always on: each processor counts for itself, a reader adds up.
// Threads: a value. Not here: histograms (runtime_histograms.hpp).
#pragma once

#include <cstdint>

namespace c1m::runtime {

struct RuntimeStatistics {
  // Present values.
  std::uint64_t coroutines_live = 0;      // spawned and not yet ended
  std::uint64_t coroutines_runnable = 0;  // in a queue
  std::uint64_t coroutines_parked = 0;    // live, neither queued nor running
  std::uint64_t timers_armed = 0;
  std::uint64_t descriptors_open = 0;      // registered with the netpoller
  std::uint64_t ring_buffers_held = 0;     // by streams that have not read them (io_uring)
  std::uint64_t ring_streams_to_send = 0;  // have written what io_uring has not sent yet
  std::uint64_t stacks_in_use = 0;         // each by a live dedicated coroutine
  std::uint64_t coroutines_compact = 0;  // live ones that share slots; none under AddressSanitizer
  std::uint64_t slots_with_stacks = 0;
  std::uint64_t coroutines_frozen = 0;      // compact ones whose frames are outside their slot
  std::uint64_t coroutines_freezable = 0;   // live ones that have begun; none frozen under ASan
  std::uint64_t stacks_frozen = 0;          // of these, whose frames are outside their stack
  std::uint64_t frozen_bytes = 0;           // of all these frames, as they are on a stack
  std::uint64_t frozen_bytes_stored = 0;    // of the blocks that hold them, or how they differ
  std::uint64_t frozen_bytes_reserved = 0;  // in blocks for such frames, in use or not
  std::uint64_t stacks_reserved = 0;        // the greatest number there ever was at once
  std::uint64_t processors = 0;             // in use; Runtime::set_processors()
  std::uint64_t processors_surplus = 0;  // not wanted any more, but not yet left by their workers
  std::uint64_t processors_idle = 0;

  // Counters since the runtime was created.
  std::uint64_t spawned = 0;
  std::uint64_t resumed = 0;  // switches into a coroutine
  std::uint64_t parked = 0;   // waits that gave the processor away
  std::uint64_t yielded = 0;
  std::uint64_t copies_out = 0;            // of a compact coroutine's frames, out of its slot
  std::uint64_t copies_in = 0;             // and back
  std::uint64_t stack_freezes = 0;         // of a freezable coroutine's stack
  std::uint64_t stack_thaws = 0;           // when it ran again
  std::uint64_t stack_bytes_released = 0;  // by freezes; see FreezeOutcome
  std::uint64_t stacks_shrunk = 0;    // times that a stack gave back pages that it once grew to
  std::uint64_t wakes_dropped = 0;    // late wakes of a wait that had ended
  std::uint64_t stolen = 0;           // coroutines taken from another processor's queue
  std::uint64_t migrated = 0;         // resumes on another processor than the time before
  std::uint64_t pins_moved = 0;       // coroutines whose processor was taken away (ProcessorPin)
  std::uint64_t bindings_failed = 0;  // times that a worker could not be bound (ProcessorBinding)
  std::uint64_t steal_sweeps = 0;     // looks at all other queues
  std::uint64_t overflowed = 0;       // coroutines moved from a full local queue to the global one
  std::uint64_t polls = 0;            // epoll_wait calls
  std::uint64_t poll_events = 0;      // events they returned
  std::uint64_t poll_events_stale = 0;  // of those, for a descriptor closed meanwhile
  std::uint64_t rings_changed = 0;  // from a ring of one thread to one of all; at most 1 (io_uring)
  std::uint64_t timers_fired = 0;
  std::uint64_t blocking_calls = 0;
  std::uint64_t workers_parked = 0;  // times that a worker went to sleep
  std::uint64_t workers_woken = 0;   // times that one worker woke another
};

}  // namespace c1m::runtime
