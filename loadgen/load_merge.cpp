// Summing results; see load_merge.hpp.
#include "loadgen/load_merge.hpp"

#include <algorithm>
#include <optional>

#include "loadgen/churn.hpp"
#include "loadgen/connection.hpp"
#include "loadgen/websocket_exchange.hpp"
#include "measure/histogram_codec.hpp"

namespace c1m::loadgen {
namespace {

using measure::KernelCounters;
using measure::LoadDocument;
using measure::LoadShardResult;

std::optional<std::uint64_t> difference(const std::optional<std::uint64_t>& before,
                                        const std::optional<std::uint64_t>& after) {
  if (!before || !after || *after < *before) return std::nullopt;
  return *after - *before;
}

void put_window_deltas(measure::HostDeltas& deltas, const KernelCounters& before,
                       const KernelCounters& after) {
  deltas.tcp_retransmits = difference(before.tcp_retransmits, after.tcp_retransmits);
  deltas.softnet_drops = difference(before.softnet_drops, after.softnet_drops);
  deltas.conntrack_drops = difference(before.conntrack_drops, after.conntrack_drops);
  deltas.throttled_us = difference(before.throttled_us, after.throttled_us);
  if (before.machine_ticks && after.machine_ticks) {
    const auto total =
        static_cast<double>(after.machine_ticks->total - before.machine_ticks->total);
    const auto steal =
        static_cast<double>(after.machine_ticks->steal - before.machine_ticks->steal);
    if (total > 0) deltas.steal_fraction = steal / total;
  }
  if (before.realtime_offset_ns && after.realtime_offset_ns) {
    deltas.realtime_step_us =
        static_cast<double>(*after.realtime_offset_ns - *before.realtime_offset_ns) /
        static_cast<double>(os::ns_per_us);
  }
}

template <class T>
void explain_absence(measure::HostDeltas& deltas, const char* name, const std::optional<T>& value,
                     const char* reason) {
  if (!value) deltas.unavailable.try_emplace(name, reason);
}

void merge_errors(measure::ErrorCounts& sum, const measure::ErrorCounts& part) {
  for (const auto& [name, count] : part) sum[name] += count;
}

void merge_connect(measure::ConnectResult& sum, const measure::ConnectResult& part) {
  sum.failed += part.failed;
  if (part.first_ns != 0) {
    sum.first_ns = sum.first_ns == 0 ? part.first_ns : std::min(sum.first_ns, part.first_ns);
  }
  sum.last_ns = std::max(sum.last_ns, part.last_ns);
  sum.latency_ns.merge(part.latency_ns);
  merge_errors(sum.errors, part.errors);
  const bool is_earlier =
      part.first_refusal &&
      (!sum.first_refusal || part.first_refusal->at_ns < sum.first_refusal->at_ns);
  if (is_earlier) sum.first_refusal = part.first_refusal;
}

void merge_shard(LoadDocument& document, const LoadShardResult& shard) {
  document.connections_established += shard.connections_established;
  if (document.connections_proven) *document.connections_proven += shard.connections_proven;
  document.connections_at_end += shard.connections_at_end;
  merge_connect(document.connect, shard.connect);
  for (const auto& [number, interval] : shard.connect_timeline) {
    document.connect_timeline[number] += interval;
  }
  merge_errors(document.connection_errors, shard.connection_errors);
  document.unexpected_bytes += shard.unexpected_bytes;
  document.counts += shard.counts;
  document.warmup_counts += shard.warmup_counts;
  if (document.response_ns) document.response_ns->merge(shard.response_ns);
  document.service_ns.merge(shard.service_ns);
  if (document.send_lag_ns) document.send_lag_ns->merge(shard.send_lag_ns);
  if (document.network_ns) document.network_ns->merge(shard.network_ns);
  if (document.receive_delay_ns) document.receive_delay_ns->merge(shard.receive_delay_ns);
  document.request_pool_bytes += shard.request_pool_bytes;
  if (document.websocket && shard.websocket) *document.websocket += *shard.websocket;
  if (document.churn && shard.churn) *document.churn += *shard.churn;
  if (document.half_open && shard.half_open) *document.half_open += *shard.half_open;
  if (document.slow && shard.slow) *document.slow += *shard.slow;
}

measure::ShardUse use_of(const std::pair<std::uint32_t, int>& identity,
                         const std::vector<LoadShardResult>& results, double duration_s) {
  const auto found = std::ranges::find(results, identity.first, &LoadShardResult::index);
  if (found == results.end()) {
    return {.index = identity.first, .pid = identity.second, .completed = false};
  }
  const double cpu_s = static_cast<double>(found->cpu_ns) / static_cast<double>(os::ns_per_s);
  return {.index = identity.first,
          .pid = identity.second,
          .connections = found->connections_planned,
          .cpu_ns = found->cpu_ns,
          .cpu_utilization = duration_s > 0 ? cpu_s / duration_s : 0,
          .rss_bytes = found->rss_bytes,
          .completed = true};
}

// Rates and means over the window; all zero when there was none.
void put_rates(LoadDocument& document, const std::vector<LoadShardResult>& results) {
  const double duration_s = document.window.duration_s();
  if (duration_s <= 0) return;
  double sent = 0;
  double answers = 0;
  double in_flight_request_s = 0;
  double queued_request_s = 0;
  for (const LoadShardResult& shard : results) {
    sent += static_cast<double>(shard.sent_in_window);
    answers += static_cast<double>(shard.answers_in_window);
    in_flight_request_s += shard.in_flight_request_s;
    queued_request_s += shard.queued_request_s;
  }
  document.in_flight_mean = in_flight_request_s / duration_s;
  document.queued_mean = queued_request_s / duration_s;
  if (document.mode == "idle") return;  // its requests come after the window
  document.rate_sent_rps = sent / duration_s;
  document.rate_achieved_rps = answers / duration_s;
  if (document.mode == "open") {
    document.rate_planned_rps = static_cast<double>(document.counts.planned) / duration_s;
  }
}

}  // namespace

measure::HostDeltas host_deltas(const HostSamples& samples, bool has_window) {
  measure::HostDeltas deltas;
  const KernelCounters& before = samples.run_start;
  const KernelCounters& after = samples.window_end;
  deltas.unavailable = before.unavailable;
  deltas.syn_retransmits = difference(before.syn_retransmits, samples.connected.syn_retransmits);
  if (has_window) {
    deltas.listen_overflows = difference(before.listen_overflows, after.listen_overflows);
    deltas.listen_drops = difference(before.listen_drops, after.listen_drops);
    deltas.syn_cookies_sent = difference(before.syn_cookies_sent, after.syn_cookies_sent);
    deltas.syn_queue_drops = difference(before.syn_queue_drops, after.syn_queue_drops);
    put_window_deltas(deltas, samples.window_start, after);
  }
  const char* reason = has_window ? "the counter went back" : "the run ended before its window";
  explain_absence(deltas, "listen_overflows", deltas.listen_overflows, reason);
  explain_absence(deltas, "listen_drops", deltas.listen_drops, reason);
  explain_absence(deltas, "syn_cookies_sent", deltas.syn_cookies_sent, reason);
  explain_absence(deltas, "syn_queue_drops", deltas.syn_queue_drops, reason);
  explain_absence(deltas, "syn_retransmits", deltas.syn_retransmits, "the counter went back");
  explain_absence(deltas, "tcp_retransmits", deltas.tcp_retransmits, reason);
  explain_absence(deltas, "softnet_drops", deltas.softnet_drops, reason);
  explain_absence(deltas, "conntrack_drops", deltas.conntrack_drops, reason);
  explain_absence(deltas, "steal_fraction", deltas.steal_fraction, reason);
  explain_absence(deltas, "throttled_us", deltas.throttled_us, reason);
  explain_absence(deltas, "realtime_step_us", deltas.realtime_step_us, reason);
  return deltas;
}

std::size_t timeline_length(const std::vector<LoadShardResult>& results) {
  std::size_t length = 0;
  for (const LoadShardResult& shard : results) length = std::max(length, shard.timeline.size());
  return length;
}

MergedSecond merge_second(const std::vector<LoadShardResult>& results, std::size_t index,
                          bool is_open_loop) {
  MergedSecond merged;
  merged.row.t_s = index;
  for (const LoadShardResult& shard : results) {
    if (index >= shard.timeline.size()) continue;
    const measure::TimelineSecond& second = shard.timeline[index];
    merged.row.sent += second.sent;
    merged.row.answered += second.answered;
    merged.row.in_flight += second.in_flight;
    merged.row.established += second.established;
    // What a shard of this build encoded decodes; if not, the row's count shows the gap.
    if (const auto latency_ns = measure::decode_v2_base64(second.latency_hdr_v2_b64)) {
      merged.latency_ns.merge(*latency_ns);
    }
  }
  if (!is_open_loop || merged.latency_ns.empty()) return merged;
  const auto to_us = [](std::int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(os::ns_per_us);
  };
  merged.row.response_p50_us = to_us(merged.latency_ns.value_at_percentile(50));
  merged.row.response_p99_us = to_us(merged.latency_ns.value_at_percentile(99));
  merged.row.response_max_us = to_us(merged.latency_ns.max());
  return merged;
}

LoadDocument merge_outcome(const LoadSettings& settings, const std::vector<AddressRange>& sources,
                           const RunOutcome& outcome) {
  LoadDocument document;
  const bool is_open_loop = settings.mode == LoadMode::open;
  document.started_utc = outcome.started_utc;
  document.mode = name_of(settings.mode);
  document.protocol = name_of(settings.protocol);
  document.stopped_by = outcome.stopped_by;
  document.settings =
      describe_settings(settings, static_cast<std::uint32_t>(outcome.shards.size()), sources);
  document.window = outcome.window;
  document.connections_planned = settings.connections;
  document.until_refused = settings.until_refused;
  if (settings.hold_ns > 0) document.connections_proven = 0;
  document.connection_bytes = sizeof(Connection);
  if (settings.protocol == Protocol::ws) {
    document.connection_bytes += sizeof(WebSocketState);
    document.websocket.emplace();
  }
  if (!settings.lifetime.is_endless()) {
    document.connection_bytes += sizeof(Churn::End);
    document.churn.emplace();
  }
  if (settings.unkind.half_open > 0) document.half_open.emplace();
  if (settings.unkind.slow > 0) document.slow.emplace();
  if (is_open_loop) {
    document.response_ns.emplace();
    document.send_lag_ns.emplace();
  }
  if (settings.kernel_timestamps) {
    document.network_ns.emplace();
    document.receive_delay_ns.emplace();
  }
  for (const LoadShardResult& shard : outcome.results) merge_shard(document, shard);
  put_rates(document, outcome.results);
  const std::size_t seconds = timeline_length(outcome.results);
  for (std::size_t index = 0; index < seconds; ++index) {
    document.timeline.push_back(merge_second(outcome.results, index, is_open_loop).row);
  }
  for (const auto& identity : outcome.shards) {
    document.shards.push_back(use_of(identity, outcome.results, document.window.duration_s()));
  }
  document.floor = outcome.floor;
  document.host = host_deltas(outcome.host, outcome.window_reached);
  return document;
}

}  // namespace c1m::loadgen
