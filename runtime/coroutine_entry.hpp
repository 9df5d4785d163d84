// The first and last function of every coroutine.
// Threads: the worker that runs the coroutine.
#pragma once

#include "runtime/stack_switch.hpp"

namespace c1m::runtime {

// Runs the function of the coroutine whose context this is, and gives the coroutine back. An
// exception that leaves the function ends the process with a message that names the coroutine.
void coroutine_entry(CoroutineContext& context);

}  // namespace c1m::runtime
