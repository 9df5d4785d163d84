// The bare epoll server: as little as can stand between a socket and an echo. The other backends
// are held against it. Threads: serve() on the shard's first thread. Not here: flags, processes,
// sessions.
#pragma once

#include "os/result.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::floor {

// Contract: Backend::serve.
os::Result<void> serve(app::ShardContext& context);

}  // namespace c1m::servers::floor
