// Host names to addresses without stopping the other coroutines of the processor.
// Threads: for coroutines only. Not here: a resolver of our own, and a cache: each look-up is a
// call of the C library's, which has a thread for as long as it lasts.
#pragma once

#include <string>
#include <vector>

#include "os/clock.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"
#include "runtime/cancellation.hpp"
#include "runtime/pollable.hpp"

namespace c1m::runtime {

// Contract: os::resolve(). Also fails with ETIMEDOUT at `deadline_ns`, with the context's error
// once that is cancelled and with ECANCELED after Runtime::stop(). The C library cannot be told to
// stop: its call then goes on, and Runtime::run() does not return before it has ended.
[[nodiscard]] os::Result<std::vector<os::Endpoint>> resolve(
    std::string host, std::string service, os::Nanoseconds deadline_ns = no_deadline,
    const Context& context = background);

}  // namespace c1m::runtime
