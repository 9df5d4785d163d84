// The echo protocol: every byte goes back as it came. The reply is the received buffer itself,
// never a copy. Invariant: no state, so that an idle echo connection costs no memory here. Threads:
// see session.hpp.
#pragma once

#include "os/assert.hpp"
#include "protocol/session.hpp"

namespace c1m::protocol {

// Inline, for it stands on the path of every message.
class EchoSession {
 public:
  struct Service {};
  static constexpr bool keeps_time = false;

  void begin(Service&, Milliseconds) {}
  Reply receive(Service&, std::span<std::byte> input, Milliseconds) {
    C1M_ASSERT(!input.empty(), "the end of the stream does not reach the session");
    return {.bytes = input, .after = After::keep_open, .storage = {}};
  }
  Reply expire(Service&, Milliseconds) { return {}; }
  [[nodiscard]] std::optional<Milliseconds> deadline(const Service&) const { return std::nullopt; }
  Reply stop(Service&, Milliseconds) { return {.bytes = {}, .after = After::close, .storage = {}}; }
  void end(Service&) {}
};

static_assert(Session<EchoSession>);

}  // namespace c1m::protocol
