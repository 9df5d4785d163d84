// Everything that a run of c1m-load is told, checked and with its defaults filled in.
// Threads: immutable after the command line was read. Not here: parsing (load_flags), limits of the
// machine (load_limits).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/lifetime.hpp"
#include "loadgen/pause_flags.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/precision_flags.hpp"
#include "loadgen/schedule.hpp"
#include "loadgen/search_flags.hpp"
#include "loadgen/source_addresses.hpp"
#include "loadgen/threshold.hpp"
#include "loadgen/unkind_flags.hpp"
#include "loadgen/websocket_flags.hpp"
#include "measure/load_document.hpp"
#include "os/clock.hpp"
#include "os/cpu_set.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {

enum class LoadMode : std::uint8_t {
  open,    // a plan decides when requests are sent
  closed,  // each connection sends when it was answered
  idle,    // connections are held, then each is proved alive by one exchange
};
enum class Protocol : std::uint8_t { echo, ws };
enum class OutputFormat : std::uint8_t { text, json, csv };
enum class ProgressKind : std::uint8_t { automatic, always, never };

// Large members first: fewer holes between them.
struct LoadSettings {
  os::Nanoseconds warmup_ns = 2 * os::ns_per_s;
  os::Nanoseconds duration_ns = 30 * os::ns_per_s;
  os::Nanoseconds timeout_ns = 10 * os::ns_per_s;
  // Before the warm-up: a proof that each connection is alive, and rest.
  os::Nanoseconds hold_ns = 0;
  os::Nanoseconds send_lag_p99_max_ns = os::ns_per_ms;
  std::uint64_t seed = 1;
  double connect_rate_per_s = 20'000;     // over all shards; 0: as fast as it goes
  std::vector<std::string> target_names;  // as the user wrote them
  std::vector<os::Endpoint> targets;
  std::vector<AddressRange> sources;  // empty: automatic
  Schedule schedule;                  // open loop only
  Lifetime lifetime;
  std::string lifetime_text;  // as the user wrote it; empty: endless
  UnkindSettings unkind;
  std::optional<os::CpuSet> cpus;
  std::vector<Threshold> thresholds;
  WebSocketSettings websocket;           // with Protocol::ws
  std::optional<SearchSettings> search;  // many runs instead of one
  std::optional<os::Endpoint> metrics;   // where OpenMetrics of the running test are served
  std::string out_path;                  // empty: no file
  std::string histograms_dir;            // empty: none
  std::string hgrm_path;                 // likewise
  std::string hdr_log_path;
  PauseSettings pauses;
  SendPrecision precision;
  std::string calibration_path;  // where its result is stored; empty: nowhere
  std::uint32_t connections = 100;
  std::uint32_t pipeline = 1;               // requests in flight on a connection; 0: no limit
  std::uint32_t message_bytes = 64;         // the most, where sizes are drawn
  std::uint32_t message_bytes_min = 64;     // else the same
  std::uint32_t in_flight_max = 1'000'000;  // over all shards
  std::optional<std::uint32_t> shards;      // nothing: the fewest that the descriptor limit allows
  LoadMode mode = LoadMode::closed;
  Protocol protocol = Protocol::echo;
  OutputFormat format = OutputFormat::text;
  ProgressKind progress = ProgressKind::automatic;
  bool kernel_timestamps = false;
  bool until_refused = false;  // with LoadMode::idle: up to so many connections
  bool strict = false;
  bool calibrates = false;  // a search, against an echo of its own

  [[nodiscard]] PayloadForm payload_form() const {
    PayloadContent content = PayloadContent::bytes;
    if (protocol == Protocol::ws) content = content_of(websocket);
    return {.bytes_min = message_bytes_min, .bytes_max = message_bytes, .content = content};
  }

  // Connections of the load, and of the clients beside it.
  [[nodiscard]] std::uint64_t sockets() const { return connections + unkind.clients(); }

  // A trace is only lent.
  [[nodiscard]] PlanParameters plan() const {
    return {.process = schedule.process,
            .rate = schedule.rate,
            .trace = schedule.trace,
            .choice = schedule.choice,
            .connections = connections,
            .seed = seed};
  }
};

[[nodiscard]] const char* name_of(LoadMode mode);
[[nodiscard]] const char* name_of(Protocol protocol);

// The settings as the document shows them: every one, with its effective value.
[[nodiscard]] measure::Settings describe_settings(const LoadSettings& settings,
                                                  std::uint32_t shards,
                                                  const std::vector<AddressRange>& sources);

}  // namespace c1m::loadgen
