// The coroutine server: a coroutine a connection, written as if it blocked, on the M:N runtime.
// Threads: serve() on the shard's first thread. Not here: flags, processes, sessions, scheduling.
#pragma once

#include "os/result.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::coro {

// Contract: Backend::serve.
os::Result<void> serve(app::ShardContext& context);

}  // namespace c1m::servers::coro
