// The workers of a shard whose backend runs one event loop a processor.
// Invariant: when one worker fails, all stop. Threads: called from the shard's first thread, which
// is worker 0. Not here: what a worker does.
#pragma once

#include <functional>

#include "os/result.hpp"

namespace c1m::servers::app {

// Runs work(0) to work(count - 1), each on its own thread, until all have returned. The first error
// is returned, after the shard has been told to stop. EAGAIN when a thread cannot be had.
[[nodiscard]] os::Result<void> run_workers(unsigned count,
                                           const std::function<os::Result<void>(unsigned)>& work);

}  // namespace c1m::servers::app
