// A blocking call whose caller may leave before it ends: the call has a coroutine of its own, and
// the caller waits for that. Invariant: the call shares nothing with the caller's frames, so these
// may be gone, or frozen (stack_policy.hpp), when it ends. Threads: for coroutines only. Not here:
// calls that nobody needs to leave (blocking.hpp).
#pragma once

#include <functional>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

// Makes `call` as blocking() does and returns when it has ended. Or fails, with ETIMEDOUT at
// `deadline_ns`, the context's error once that is cancelled, ECANCELED after Runtime::stop(): then
// the call goes on and nobody waits for it but Runtime::run(). So it owns, or shares the ownership
// of, all that it touches. Fails as spawn() does, without calling. An exception that leaves `call`
// ends the process.
[[nodiscard]] os::Result<void> call_detached(std::move_only_function<void()> call,
                                             WaitReason reason, os::Nanoseconds deadline_ns,
                                             const Context& context);

}  // namespace c1m::runtime
