// A fence in all threads of the process at once (membarrier(2), private expedited): who calls it
// pays some microseconds, so that others, who come by often, need none of their own. Threads: any.
#pragma once

namespace c1m::os {

// Once before the first process_fence(). False: the kernel has no such call, or a filter forbids
// it.
[[nodiscard]] bool prepare_process_fence();

// Every thread of the process has executed a full fence between the beginning of this call and its
// end. After prepare_process_fence() has said that it works.
void process_fence();

}  // namespace c1m::os
