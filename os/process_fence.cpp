// membarrier(2); see process_fence.hpp.
#include "os/process_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/assert.hpp"

namespace c1m::os {
namespace {

long membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0);
}

}  // namespace

bool prepare_process_fence() {
  return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

void process_fence() {
  const long failed = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  C1M_ASSERT(failed == 0, "process_fence() has been prepared");
}

}  // namespace c1m::os
