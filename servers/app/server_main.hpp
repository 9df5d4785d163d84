// The main function of every server: flags, then the supervisor.
// Threads: main only. Not here: anything that differs between backends, which is all in Backend.
#pragma once

#include "servers/app/backend.hpp"

namespace c1m::servers::app {

// Returns the program's exit code.
int run_server(const Backend& backend, int argc, const char* const* argv);

}  // namespace c1m::servers::app
