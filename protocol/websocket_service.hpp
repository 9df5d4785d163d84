// What the WebSocket sessions of a worker have in common: limits, times, counters, a codec.
// Invariant: the settings do not change while a session lives. Threads: sessions of different
// threads may share a service. Not here: flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocol/message_codec.hpp"
#include "protocol/session_timer.hpp"
#include "protocol/upgrade_request.hpp"
#include "protocol/websocket_counters.hpp"

namespace c1m::protocol {

struct WebSocketSettings {
  static constexpr std::size_t head_bytes_max = 16 * 1024;  // of the handshake
  // More than any test suite sends in one message, and what 1 GiB of memory holds 64 times.
  static constexpr std::size_t default_message_bytes_max = 16 * 1024 * 1024;
  static constexpr std::uint32_t default_fragments_max = 65'537;

  UpgradeRules upgrade;
  TimeLimits times;
  std::size_t message_bytes_max = default_message_bytes_max;
  std::uint32_t fragments_max = default_fragments_max;
};

struct WebSocketService {
  WebSocketService(const WebSocketSettings& shared_settings, WebSocketCounters& worker_counters)
      : settings(shared_settings), counters(worker_counters) {}

  const WebSocketSettings& settings;
  WebSocketCounters& counters;
  CodecShelf codecs;
};

}  // namespace c1m::protocol
