// The meters of the runtime's workers: on each processor a coroutine that only sleeps and sees by
// how much it runs too late, be it that its thread had no CPU, stood still, or ran others.
// Threads: functions for coroutines of that runtime, unless they say else. Not here: the meter
// (measure/loop_meter.hpp).
#pragma once

#include "os/result.hpp"
#include "runtime/runtime.hpp"
#include "servers/app/backend.hpp"

namespace c1m::servers::coro {

// Begins them, and the runtime's histograms; they end when the runtime is stopped. `context`
// outlives them. Nothing when no pauses are to be measured.
[[nodiscard]] os::Result<void> start_heartbeats(runtime::Runtime& runtime,
                                                const app::ShardContext& context);

// When the runtime has run: hands its histograms over. By the thread that called run().
void publish_delays(const runtime::Runtime& runtime, const app::ShardContext& context);

}  // namespace c1m::servers::coro
