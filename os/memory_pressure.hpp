// Whether memory is short, for this process's control group (version 2) and for the machine, and
// how much this process has. Threads: any. Not here: what to do about it.
#pragma once

#include <cstdint>
#include <string>

#include "os/result.hpp"

namespace c1m::os {

// The worse of the machine and the control group, for either figure.
struct MemoryPressure {
  // In which share of the last ten seconds some task waited for memory: "some avg10" of the
  // kernel's pressure stall information (Documentation/accounting/psi.rst). 0 where the kernel
  // does not keep it (CONFIG_PSI, boot parameter psi).
  double stalled_share = 0;
  // Of the memory that there is, or that a control group may use (the lower of memory.max and
  // memory.high, from this process's group up to the root), the share that is available: what is
  // free or the kernel would give back without swapping, which are pages of files and reclaimable
  // slab.
  double available_share = 1;
};

// A few small files of /proc and /sys/fs/cgroup, some 100 us. Fails when /proc/meminfo cannot be
// read. `root` is put before the paths, for tests.
[[nodiscard]] Result<MemoryPressure> memory_pressure(const std::string& root = {});

// Resident memory of this process, shared pages included (/proc/self/statm).
[[nodiscard]] Result<std::uint64_t> resident_bytes();

}  // namespace c1m::os
