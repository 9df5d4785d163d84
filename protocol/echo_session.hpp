// The echo protocol: every byte goes back as it came. The reply is the received buffer itself,
// never a copy. Invariant: no state, so that an idle echo connection costs no memory here. Threads:
// see session.hpp.
#pragma once

#include "os/assert.hpp"
#include "protocol/session.hpp"

namespace c1m::protocol {

class EchoSession {
 public:
  // Inline, for it stands on the path of every message.
  Reply receive(std::span<std::byte> input) {
    C1M_ASSERT(!input.empty(), "the end of the stream does not reach the session");
    return {.bytes = input, .close = false};
  }
};

static_assert(Session<EchoSession>);

}  // namespace c1m::protocol
