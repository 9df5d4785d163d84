// Starting a coroutine from a coroutine.
// Threads: spawn() is for coroutines; other threads use Runtime::spawn(). Not here: joining.
#pragma once

#include <functional>
#include <source_location>

#include "os/result.hpp"
#include "runtime/stack_policy.hpp"

namespace c1m::runtime {

// Adds a coroutine to the runtime of the calling one; it may run at once on another processor, or
// when the caller waits. `where` names it in messages. An exception that leaves `function` ends the
// process with a message that names the coroutine. Fails with ENOMEM or EAGAIN when no coroutine
// or stack is left; the operation then names the limit. `function` is destroyed on the coroutine,
// and in that case by the caller.
[[nodiscard]] os::Result<void> spawn(std::move_only_function<void()> function,
                                     std::source_location where = std::source_location::current());

// The same with a choice of stack: spawn(function, {.stack = StackPolicy::compact}).
[[nodiscard]] os::Result<void> spawn(std::move_only_function<void()> function, SpawnOptions options,
                                     std::source_location where = std::source_location::current());

}  // namespace c1m::runtime
