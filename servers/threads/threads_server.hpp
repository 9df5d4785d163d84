// The server with a thread a connection: blocking Boost.Asio sockets, so that waiting is the
// kernel's matter. Threads: serve() on the shard's first thread. Not here: flags, processes,
// sessions.
#pragma once

#include "os/result.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::threads {

// Contract: Backend::serve.
os::Result<void> serve(app::ShardContext& context);

}  // namespace c1m::servers::threads
