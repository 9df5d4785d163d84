// The libuv server: one event loop a processor, callbacks in place of waiting.
// Threads: serve() on the shard's first thread. Not here: flags, processes, sessions.
#pragma once

#include "os/result.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::uv {

// Contract: Backend::serve.
os::Result<void> serve(app::ShardContext& context);

}  // namespace c1m::servers::uv
