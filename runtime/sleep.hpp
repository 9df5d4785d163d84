// Waiting for a time, and the clock that tells it.
// Threads: for coroutines only. Not here: tickers; deadlines of reads and writes (pollable.hpp).
#pragma once

#include "os/clock.hpp"
#include "os/result.hpp"
#include "runtime/cancellation.hpp"

namespace c1m::runtime {

// The time of the caller's runtime, which sleeps and deadlines go by: os::monotonic_ns(), unless
// the runtime was given another clock.
[[nodiscard]] os::Nanoseconds now_ns();

// Parks the coroutine for at least `duration_ns`; zero and less only yield. ECANCELED when the
// runtime is stopped before the time has come, the context's error() when that is cancelled.
[[nodiscard]] os::Result<void> sleep_for(os::Nanoseconds duration_ns,
                                         const Context& context = background);

// The same until now_ns() has reached `deadline_ns`.
[[nodiscard]] os::Result<void> sleep_until(os::Nanoseconds deadline_ns,
                                           const Context& context = background);

}  // namespace c1m::runtime
