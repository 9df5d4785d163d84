// The attempts of a shard to connect that are in progress, each from its socket to a connection
// that is ready for requests. Where the protocol has an opening handshake that is part of it.
//
// Invariant: an attempt ends once: established, or failed and counted under its reason.
// Threads: one owner. Not here: when attempts are made (connector, churn), waiting (shard_wait).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "loadgen/echo_exchange.hpp"
#include "loadgen/source_addresses.hpp"
#include "loadgen/under_way.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"
#include "os/descriptor.hpp"
#include "os/poller.hpp"
#include "os/result.hpp"

namespace c1m::loadgen {

class ConnectAttempts {
 public:
  ConnectAttempts(EchoExchange& exchange, ConnectionRange range, const Routes& routes,
                  const os::Clock& clock, os::Poller& poller, os::Nanoseconds timeout_ns);

  enum class Progress : std::uint8_t { pending, established, failed };

  // A connection that has no socket gets one, which is registered with the poller.
  Progress start(std::uint32_t index);
  // Handles an event of a connection in the state `connecting`.
  Progress handle(std::uint32_t index);
  // Fails the oldest attempt if it has taken longer than the timeout, handshake included; call it
  // until there is none.
  std::optional<std::uint32_t> expire_one(os::Nanoseconds now_ns);
  // When expire_one() has something to do.
  [[nodiscard]] os::Nanoseconds next_expiry_ns() const {
    return attempts_.deadline_ns(timeout_ns_);
  }

  [[nodiscard]] std::size_t in_progress() const { return attempts_.size(); }
  [[nodiscard]] const measure::ConnectResult& result() const { return result_; }

 private:
  struct Stage {
    bool is_connected = false;  // and in its opening handshake
  };

  os::Result<os::Descriptor> open_socket(std::uint32_t index);
  // `call`: which said so.
  Progress fail(std::uint32_t index, const char* call, const std::string& reason);

  EchoExchange& exchange_;
  ConnectionRange range_;
  const Routes& routes_;
  const os::Clock& clock_;
  os::Poller& poller_;
  os::Nanoseconds timeout_ns_;
  UnderWay<Stage> attempts_;
  measure::ConnectResult result_;
};

}  // namespace c1m::loadgen
