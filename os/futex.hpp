// Sleeping until a word changes: futex(2), private to the process.
// Threads: any. Not here: anything that decides when to sleep (runtime/).
#pragma once

#include <atomic>
#include <cstdint>

#include "os/clock.hpp"

namespace c1m::os {

// Sleeps while `word` holds `expected`, until a wake, a signal, or `timeout_ns` (negative: no
// limit). May return early without a reason: the caller looks at the word again.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanoseconds timeout_ns);

// Wakes one thread that sleeps on `word`.
void futex_wake_one(std::atomic<std::uint32_t>& word);

}  // namespace c1m::os
