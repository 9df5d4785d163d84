// The life of a server, seen from its supervisor: plan, fork, say that it is ready, sample, stop.
// Invariants: the supervisor holds no connection; the ready file exists only while every shard
// listens. Threads: the main thread; the admin endpoint has one of its own. Not here: the shards'
// side (shard.hpp).
#pragma once

#include "servers/app/backend.hpp"
#include "servers/app/server_flags.hpp"

namespace c1m::servers::app {

// Returns the program's exit code: 1 when something failed or a shard died, 2 and 4 as
// plan_shards() says, 130 and 143 after SIGINT and SIGTERM, which is how a server ends as a rule.
int supervise(const Backend& backend, const ServerOptions& options);

}  // namespace c1m::servers::app
