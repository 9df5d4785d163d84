// What a scheduler has for being looked into, and the list of all schedulers for debuggers.
// Threads: each member says. Not here: dumps, which keep nothing (runtime_dump.hpp).
#pragma once

#include "runtime/deadlock_watch.hpp"
#include "runtime/observation.hpp"

namespace c1m::runtime {

struct RuntimeOptions;
class Scheduler;

struct Sight {
  Sight(Scheduler& of, const RuntimeOptions& options);
  Sight(const Sight&) = delete;
  Sight& operator=(const Sight&) = delete;
  ~Sight();

  Observation observation;
  DeadlockWatch deadlocks;

  // The list, which gdb/c1m_runtime.py reads; guarded by a lock of its own.
  Scheduler& scheduler;
  Sight* next_sight = nullptr;
};

// The first of the list.
extern Sight* first_sight;

}  // namespace c1m::runtime
