// The lowest latency that this generator can show on this machine: its own path against an echo
// that costs nothing but the kernel's work.
//
// One thread holds both ends of a loopback TCP connection. It sends a request through EchoExchange,
// echoes it from the other end, polls, receives, verifies: the system calls of a real exchange
// (send, two of the echo, epoll_wait, receive) and the kernel's way through loopback twice, but no
// process has to be woken and nothing is waited for. A measured latency cannot lie below it; what
// lies above it is the server's, the scheduler's and the queues'. Threads: one. Not here: how late
// requests leave, which each run measures as its send lag.
#pragma once

#include <cstdint>

#include "measure/load_document.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

// Larger messages are measured at this size, which every socket buffer holds.
inline constexpr std::uint32_t floor_message_bytes_max = 16 * 1024;

// Takes `exchanges` round trips after as many tenths to warm up; some 10 us each.
[[nodiscard]] os::Result<measure::GeneratorFloor> measure_floor(std::uint32_t message_bytes,
                                                                std::uint32_t exchanges);

}  // namespace c1m::loadgen
