// The result document of c1m-load (kind "c1m-load"): typed figures, and their JSON.
//
// Invariants: numbers carry their unit in the field's name; what could not be measured is null with
// a reason beside it; percentiles stand beside the histogram they come from, in the V2 encoding.
// Threads: pure functions. Not here: judging the figures (loadgen's validity), files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "measure/histogram.hpp"
#include "measure/load_result.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

// One effective setting, under the name it has in the document.
using SettingValue = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double,
                                  std::string, std::vector<std::string>>;
using Settings = std::vector<std::pair<std::string, SettingValue>>;

struct LoadWindow {
  os::Nanoseconds start_ns = 0;  // CLOCK_MONOTONIC
  os::Nanoseconds end_ns = 0;

  [[nodiscard]] double duration_s() const {
    return static_cast<double>(end_ns - start_ns) / static_cast<double>(os::ns_per_s);
  }
  [[nodiscard]] bool contains(os::Nanoseconds time_ns) const {
    return time_ns >= start_ns && time_ns < end_ns;
  }
};

struct TimelineRow {
  std::uint64_t t_s = 0;  // whole seconds since the window's start
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::optional<double> response_p50_us;
  std::optional<double> response_p99_us;
  std::optional<double> response_max_us;
  std::uint64_t in_flight = 0;
  std::uint64_t established = 0;
};

// What the host did to the run; a field without a value has its reason in `unavailable`.
struct HostDeltas {
  std::optional<std::uint64_t> listen_overflows;
  std::optional<std::uint64_t> listen_drops;
  std::optional<std::uint64_t> syn_cookies_sent;
  std::optional<std::uint64_t> syn_queue_drops;
  std::optional<std::uint64_t> syn_retransmits;
  std::optional<std::uint64_t> tcp_retransmits;
  std::optional<std::uint64_t> softnet_drops;
  std::optional<std::uint64_t> conntrack_drops;
  std::optional<double> steal_fraction;
  std::optional<std::uint64_t> throttled_us;
  std::optional<double> realtime_step_us;
  std::map<std::string, std::string> unavailable;
};

struct ShardUse {
  std::uint32_t index = 0;
  int pid = 0;
  std::uint64_t connections = 0;
  os::Nanoseconds cpu_ns = 0;
  double cpu_utilization = 0;
  std::uint64_t rss_bytes = 0;
  bool completed = true;  // false: it died, and its figures are missing
};

struct ValidityCheck {
  std::string name;
  std::optional<double> value;
  std::optional<double> bound;
  std::string unit;
  std::optional<bool> ok;  // nothing: the check does not apply or could not be made
  std::string explanation;
};

// A limit that the user set, and how the run's figure stands to it.
struct ThresholdVerdict {
  std::string text = {};             // "p99<5ms"
  std::string metric = {};           // "p99"
  std::optional<double> value = {};  // nothing: not measured, which keeps no threshold
  std::string comparison = {};       // "<", "<=", ">" or ">="
  double bound = 0;
  std::string unit = {};
  bool ok = false;
};

// Round trips of the generator's own path with an echo in the same thread, before the run.
struct GeneratorFloor {
  std::uint32_t message_bytes = 0;
  Histogram round_trip_ns = {};
};

struct LoadDocument {
  std::string started_utc;
  std::string mode;  // "open", "closed" or "idle"
  std::string protocol;
  std::optional<std::string> stopped_by;  // then the run is partial
  Settings settings;
  LoadWindow window;
  std::uint64_t connections_planned = 0;
  std::uint64_t connections_established = 0;
  std::optional<std::uint64_t> connections_proven;  // nothing: the run had no hold
  std::uint64_t connections_at_end = 0;
  ConnectResult connect;
  ConnectTimeline connect_timeline;
  bool until_refused = false;  // as many as could be opened, up to connections_planned
  ErrorCounts connection_errors;
  std::uint64_t unexpected_bytes = 0;
  std::optional<double> rate_planned_rps;
  double rate_sent_rps = 0;
  double rate_achieved_rps = 0;
  RequestCounts counts;
  RequestCounts warmup_counts;
  std::optional<Histogram> response_ns;
  Histogram service_ns;
  std::optional<Histogram> send_lag_ns;
  std::optional<Histogram> network_ns;        // with kernel timestamps only: from the send to
  std::optional<Histogram> receive_delay_ns;  // the kernel's receiving, and from there to the read
  double in_flight_mean = 0;
  double queued_mean = 0;  // of these, the answered ones that had not been sent yet
  std::vector<TimelineRow> timeline;
  std::optional<WebSocketResult> websocket;  // of a run over WebSocket
  std::optional<ChurnResult> churn;          // with lifetimes
  std::optional<UnkindResult> half_open;     // clients beside the load, where they were asked for
  std::optional<UnkindResult> slow;          // likewise
  std::uint64_t connection_bytes = 0;        // of the generator's own record
  std::uint64_t request_pool_bytes = 0;      // for requests in flight, all shards
  std::optional<GeneratorFloor> floor;       // nothing: it could not be measured
  std::vector<ShardUse> shards;
  HostDeltas host;
  std::vector<ValidityCheck> checks;
  std::vector<ThresholdVerdict> thresholds;

  [[nodiscard]] bool partial() const { return stopped_by.has_value(); }
  // No check failed. A check that could not be made does not count.
  [[nodiscard]] bool valid() const;
  // Every threshold was kept; so too when there is none.
  [[nodiscard]] bool thresholds_kept() const;
  // "name: explanation" of each failed check.
  [[nodiscard]] std::vector<std::string> invalid_reasons() const;
  // Sum over the shards, in the window.
  [[nodiscard]] os::Nanoseconds cpu_ns() const;
  [[nodiscard]] double cpu_utilization_max() const;
  // Nothing when no request was answered in the window.
  [[nodiscard]] std::optional<double> cpu_us_per_request() const;
};

// Indented JSON with a newline at its end, fields in the order of the schema.
[[nodiscard]] std::string write_load_document(const LoadDocument& document);

}  // namespace c1m::measure
