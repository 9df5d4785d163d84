// Starting a coroutine from a coroutine.
// Threads: spawn() is for coroutines; other threads use Runtime::spawn(). Not here: joining.
#pragma once

#include <concepts>
#include <source_location>
#include <utility>

#include "os/result.hpp"
#include "runtime/stack_policy.hpp"
#include "runtime/start.hpp"

namespace c1m::runtime {

// spawn() without the function's type.
[[nodiscard]] os::Result<void> spawn_start(const FunctionToStart& function, SpawnOptions options,
                                           std::source_location where);

// Adds a coroutine to the runtime of the calling one; it may run at once on another processor, or
// when the caller waits. A choice of stack: spawn(function, {.stack = StackPolicy::compact}).
// `where` names it in messages. An exception that leaves `function` ends the process with a message
// that names the coroutine. Fails with ENOMEM or EAGAIN when no coroutine or stack is left; the
// operation then names the limit. `function` is destroyed on the coroutine, and in that case by the
// caller.
template <std::move_constructible Function>
  requires std::invocable<Function&>
[[nodiscard]] os::Result<void> spawn(Function function, SpawnOptions options,
                                     std::source_location where = std::source_location::current()) {
  Startable<Function>&& startable = std::move(function);  // itself, or wrapped
  return spawn_start(FunctionToStart(startable), options, where);
}

template <std::move_constructible Function>
  requires std::invocable<Function&>
[[nodiscard]] os::Result<void> spawn(Function function,
                                     std::source_location where = std::source_location::current()) {
  return spawn(std::move(function), SpawnOptions{}, where);
}

}  // namespace c1m::runtime
