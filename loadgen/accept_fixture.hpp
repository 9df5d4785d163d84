// The far ends of connections that a test's own listener gets. Threads: the test's.
// Not here: socket pairs (exchange_fixture.hpp).
#pragma once

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "os/descriptor.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

// Appends the next connection to `peers`. The kernel may need a moment to put it into the queue.
inline void accept_soon(int listener, std::vector<os::Descriptor>& peers) {
  for (int look = 0; look < 1'000; ++look) {
    auto peer = os::accept_tcp(listener, os::Blocking::no, {});
    if (!peer) continue;
    peers.push_back(*std::move(peer));
    return;
  }
  FAIL() << "nobody connected";
}

}  // namespace c1m::loadgen
