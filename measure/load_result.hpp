// What one shard of the load generator measured, as plain figures: the supervisor adds the results
// of its shards, figure by figure and bucket by bucket, and never percentiles.
//
// Invariants of RequestCounts after a run: planned = sent + unsent, and
// sent = answered + lost + in_flight_at_end; corrupt and late are parts of answered, timed_out is
// part of in_flight_at_end.
// Threads: plain values. Not here: percentiles and checks (load_document), JSON (load_result_json).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "measure/churn_result.hpp"
#include "measure/histogram.hpp"
#include "measure/silence.hpp"
#include "measure/unkind_result.hpp"
#include "measure/websocket_result.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

struct RequestCounts {
  std::uint64_t planned = 0;
  std::uint64_t sent = 0;
  std::uint64_t unsent = 0;            // never handed to the kernel
  std::uint64_t answered = 0;          // a whole answer arrived, right or wrong
  std::uint64_t lost = 0;              // closed, reset or swallowed before its answer
  std::uint64_t in_flight_at_end = 0;  // the drain ended first
  std::uint64_t corrupt = 0;           // answered with wrong bytes
  std::uint64_t late = 0;              // answered later than the timeout after the intended time
  // Without an answer at the end of the drain although the timeout had passed: recorded in the
  // histograms at the time waited so far, which the true latency is at least.
  std::uint64_t timed_out = 0;

  RequestCounts& operator+=(const RequestCounts& other);
  friend bool operator==(const RequestCounts&, const RequestCounts&) = default;
};

// Errors by the name of their errno, "ECONNRESET"; "closed by peer" for an orderly end. Of
// WebSocket also "handshake: WHY", "Close 1001" (the server's) and "protocol error: WHY".
using ErrorCounts = std::map<std::string, std::uint64_t>;

// What ended a ramp.
struct Refusal {
  os::Nanoseconds at_ns = 0;  // CLOCK_MONOTONIC
  std::string call;           // "connect", "socket", "handshake", "recv" of one that was closed
  std::string reason;         // as in ErrorCounts

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

struct ConnectResult {
  std::uint64_t failed = 0;
  os::Nanoseconds first_ns = 0;  // CLOCK_MONOTONIC of the first attempt; 0: there was none
  os::Nanoseconds last_ns = 0;   // of the last one that was established
  Histogram latency_ns;          // of the established ones, from connect(2) to writable
  ErrorCounts errors;
  std::optional<Refusal> first_refusal = {};
};

// What became of the first attempts to connect, interval by interval of CLOCK_MONOTONIC, by its
// number; intervals without any are left out.
struct ConnectInterval {
  std::uint64_t attempted = 0;
  std::uint64_t established = 0;  // an opening handshake included
  std::uint64_t failed = 0;

  ConnectInterval& operator+=(const ConnectInterval& other);
  friend bool operator==(const ConnectInterval&, const ConnectInterval&) = default;
};
using ConnectTimeline = std::map<os::Nanoseconds, ConnectInterval>;
inline constexpr os::Nanoseconds connect_interval_ns = 100 * os::ns_per_ms;

// One second of the window: requests by their intended time, the rest as it stood at its end.
struct TimelineSecond {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t established = 0;
  std::string
      latency_hdr_v2_b64;  // response in open loop, else service; as encode_v2_base64() says

  friend bool operator==(const TimelineSecond&, const TimelineSecond&) = default;
};

struct LoadShardResult {
  std::uint32_t index = 0;
  int pid = 0;
  std::uint64_t connections_planned = 0;
  std::uint64_t connections_established = 0;  // when connecting was over
  std::uint64_t connections_proven = 0;       // by an exchange before the warm-up
  std::uint64_t connections_at_end = 0;       // after the drain
  ConnectResult connect;
  ConnectTimeline connect_timeline;
  ErrorCounts connection_errors;        // of established connections
  std::uint64_t unexpected_bytes = 0;   // arrived while nothing was outstanding
  RequestCounts counts;                 // intended time in the window
  RequestCounts warmup_counts;          // intended time before it
  std::uint64_t sent_in_window = 0;     // requests of the window that left before its end
  std::uint64_t answers_in_window = 0;  // answers of any request that arrived in the window
  // The area under the number of the window's requests in flight, from the window's start to the
  // end of the drain: its ratio to the window's length is the mean in flight of Little's law.
  double in_flight_request_s = 0;
  // Time that the window's answered requests waited before they were sent, added up.
  double queued_request_s = 0;
  Histogram response_ns;
  Histogram service_ns;
  Histogram send_lag_ns;
  // With kernel timestamps: service time cut in two where the kernel received the answer.
  Histogram network_ns;
  Histogram receive_delay_ns;
  std::vector<TimelineSecond> timeline;
  os::Nanoseconds cpu_ns = 0;  // in the window, user and system
  std::uint64_t rss_bytes = 0;
  std::uint64_t request_pool_bytes = 0;
  std::optional<ShardSilence> silence;       // with --pauses
  std::optional<WebSocketResult> websocket;  // of a run over WebSocket
  std::optional<ChurnResult> churn;          // of connections that live for a drawn time
  std::optional<UnkindResult> half_open;     // of clients beside the load
  std::optional<UnkindResult> slow;          // likewise
};

}  // namespace c1m::measure
