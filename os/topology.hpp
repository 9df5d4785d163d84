// Which CPUs the process may use, and which NUMA node each belongs to.
// Threads: any. Not here: caches and cores; binding itself (cpu_set.hpp).
#pragma once

#include <vector>

#include "os/cpu_set.hpp"
#include "os/result.hpp"

namespace c1m::os {

struct NumaNode {
  int number = 0;  // the kernel's
  CpuSet cpus;     // those that may be used; at least one
};

struct Topology {
  CpuSet cpus;                  // what the calling thread may run on, at least one
  std::vector<NumaNode> nodes;  // in ascending order; those without a usable CPU are left out
};

// What hwloc finds, of which the calling thread's affinity leaves. A machine without NUMA has one
// node. Takes some milliseconds. ENOMEM, or what the system says.
[[nodiscard]] Result<Topology> read_topology();

}  // namespace c1m::os
