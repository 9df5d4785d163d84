// The JSON of c1m-load's document; see load_document.hpp.
#include "measure/load_document.hpp"

#include <algorithm>

#include "measure/document_json.hpp"
#include "measure/websocket_result_counters.hpp"

namespace c1m::measure {
namespace {

using Json = OrderedJson;

double to_s(double ns) {
  return ns / static_cast<double>(os::ns_per_s);
}

Json to_json(const RequestCounts& counts) {
  return {{"planned", counts.planned},    {"sent", counts.sent},
          {"unsent", counts.unsent},      {"answered", counts.answered},
          {"lost", counts.lost},          {"in_flight_at_end", counts.in_flight_at_end},
          {"corrupt", counts.corrupt},    {"late", counts.late},
          {"timed_out", counts.timed_out}};
}

// Rows from the first attempt on, also those in which nothing happened.
Json connect_timeline_block(const ConnectTimeline& timeline) {
  Json block = Json::array();
  if (timeline.empty()) return block;
  const os::Nanoseconds first = timeline.begin()->first;
  for (os::Nanoseconds number = first; number <= timeline.rbegin()->first; ++number) {
    const auto found = timeline.find(number);
    const ConnectInterval interval = found == timeline.end() ? ConnectInterval{} : found->second;
    block.push_back({{"t_s", to_s(static_cast<double>((number - first) * connect_interval_ns))},
                     {"attempted", interval.attempted},
                     {"established", interval.established},
                     {"failed", interval.failed}});
  }
  return block;
}

Json connect_block(const LoadDocument& document) {
  const ConnectResult& connect = document.connect;
  const double duration_s =
      std::max(0.0, to_s(static_cast<double>(connect.last_ns - connect.first_ns)));
  Json block = {{"duration_s", duration_s}};
  block["rate_per_s"] = duration_s > 0
                            ? Json(static_cast<double>(connect.latency_ns.count()) / duration_s)
                            : Json(nullptr);
  block["failed"] = connect.failed;
  block["latency_us"] = percentile_block(connect.latency_ns);
  block["errors"] = connect.errors;
  block["timeline"] = connect_timeline_block(document.connect_timeline);
  return block;
}

// Where a ramp that goes on until it is refused met its end.
Json wall_block(const LoadDocument& document) {
  if (!document.until_refused) return nullptr;
  Json block{{"established", document.connections_established},
             {"limit", document.connections_planned},
             {"refused", nullptr}};
  if (const auto& refusal = document.connect.first_refusal) {
    block["refused"] = {
        {"call", refusal->call},
        {"reason", refusal->reason},
        {"t_s", to_s(static_cast<double>(refusal->at_ns - document.connect.first_ns))}};
  }
  return block;
}

Json websocket_block(const std::optional<WebSocketResult>& websocket) {
  if (!websocket) return nullptr;
  Json block{{"handshake_us", percentile_block(websocket->handshake_ns)},
             {"ping_rtt_us", percentile_block(websocket->ping_rtt_ns)},
             {"close_us", percentile_block(websocket->close_ns)}};
  for (const auto& [name, value] : websocket_counters) block[name] = *websocket.*value;
  return block;
}

Json churn_block(const std::optional<ChurnResult>& churn) {
  if (!churn) return nullptr;
  Json block = Json::object();
  for (const auto& [name, value] : churn_counters) block[name] = *churn.*value;
  block["close_us"] = percentile_block(churn->close_ns);
  block["connect_us"] = percentile_block(churn->connect_ns);
  block["away_us"] = percentile_block(churn->away_ns);
  block["close_errors"] = churn->close_errors;
  block["connect_errors"] = churn->connect_errors;
  return block;
}

Json unkind_block(const std::optional<UnkindResult>& clients, double duration_s) {
  if (!clients) return nullptr;
  Json block = Json::object();
  for (const auto& [name, value] : unkind_counters) block[name] = *clients.*value;
  block["standing_mean"] =
      duration_s > 0 ? Json(clients->standing_client_s / duration_s) : Json(nullptr);
  block["ended_after_us"] = percentile_block(clients->ended_after_ns);
  block["end_errors"] = clients->end_errors;
  block["connect_errors"] = clients->connect_errors;
  return block;
}

// The clients that stand beside the load.
Json unkind_block(const LoadDocument& document) {
  if (!document.half_open && !document.slow) return nullptr;
  const double duration_s = document.window.duration_s();
  return {{"half_open", unkind_block(document.half_open, duration_s)},
          {"slow", unkind_block(document.slow, duration_s)}};
}

Json timeline_block(const std::vector<TimelineRow>& rows) {
  Json block = Json::array();
  for (const TimelineRow& row : rows) {
    block.push_back({{"t_s", row.t_s},
                     {"sent", row.sent},
                     {"answered", row.answered},
                     {"response_p50_us", json_of(row.response_p50_us)},
                     {"response_p99_us", json_of(row.response_p99_us)},
                     {"response_max_us", json_of(row.response_max_us)},
                     {"in_flight", row.in_flight},
                     {"established", row.established}});
  }
  return block;
}

Json generator_block(const LoadDocument& document) {
  Json shards = Json::array();
  std::uint64_t rss_bytes = 0;
  for (const ShardUse& shard : document.shards) {
    rss_bytes += shard.rss_bytes;
    shards.push_back({{"index", shard.index},
                      {"pid", shard.pid},
                      {"completed", shard.completed},
                      {"connections", shard.connections},
                      {"cpu_us", to_us(static_cast<double>(shard.cpu_ns))},
                      {"cpu_utilization", shard.cpu_utilization},
                      {"rss_bytes", shard.rss_bytes}});
  }
  Json floor;
  if (document.floor) {
    floor = {{"message_bytes", document.floor->message_bytes},
             {"round_trip_us", percentile_block(document.floor->round_trip_ns)}};
  }
  return {{"floor", std::move(floor)},
          {"cpu_us", to_us(static_cast<double>(document.cpu_ns()))},
          {"cpu_us_per_request", json_of(document.cpu_us_per_request())},
          {"cpu_utilization_max", document.cpu_utilization_max()},
          {"connection_bytes", document.connection_bytes},
          {"request_pool_bytes", document.request_pool_bytes},
          {"rss_bytes", rss_bytes},
          {"shards", std::move(shards)}};
}

Json host_block(const HostDeltas& host) {
  return {{"listen_overflows", json_of(host.listen_overflows)},
          {"listen_drops", json_of(host.listen_drops)},
          {"syn_cookies_sent", json_of(host.syn_cookies_sent)},
          {"syn_queue_drops", json_of(host.syn_queue_drops)},
          {"syn_retransmits", json_of(host.syn_retransmits)},
          {"conntrack_drops", json_of(host.conntrack_drops)},
          {"softnet_drops", json_of(host.softnet_drops)},
          {"steal_fraction", json_of(host.steal_fraction)},
          {"throttled_us", json_of(host.throttled_us)},
          {"realtime_step_us", json_of(host.realtime_step_us)},
          {"tcp_retransmits", json_of(host.tcp_retransmits)},
          {"unavailable", host.unavailable}};
}

Json validity_block(const LoadDocument& document) {
  Json checks = Json::array();
  for (const ValidityCheck& check : document.checks) {
    checks.push_back({{"name", check.name},
                      {"value", json_of(check.value)},
                      {"bound", json_of(check.bound)},
                      {"unit", check.unit},
                      {"ok", json_of(check.ok)},
                      {"explanation", check.explanation}});
  }
  return {{"valid", document.valid()}, {"checks", std::move(checks)}};
}

Json thresholds_block(const LoadDocument& document) {
  Json block = Json::array();
  for (const ThresholdVerdict& verdict : document.thresholds) block.push_back(json_of(verdict));
  return block;
}

void put_run(Json& json, const LoadDocument& document) {
  json["mode"] = document.mode;
  json["protocol"] = document.protocol;
  json["partial"] = document.partial();
  json["stopped_by"] = json_of(document.stopped_by);
  json["valid"] = document.valid();
  json["invalid_reasons"] = document.invalid_reasons();
  json["settings"] = json_of(document.settings);
}

}  // namespace

bool LoadDocument::valid() const {
  return std::ranges::none_of(checks, [](const ValidityCheck& check) { return check.ok == false; });
}

bool LoadDocument::thresholds_kept() const {
  return std::ranges::all_of(thresholds, &ThresholdVerdict::ok);
}

std::vector<std::string> LoadDocument::invalid_reasons() const {
  std::vector<std::string> reasons;
  for (const ValidityCheck& check : checks) {
    if (check.ok == false) reasons.push_back(check.name + ": " + check.explanation);
  }
  return reasons;
}

os::Nanoseconds LoadDocument::cpu_ns() const {
  os::Nanoseconds sum_ns = 0;
  for (const ShardUse& shard : shards) sum_ns += shard.cpu_ns;
  return sum_ns;
}

double LoadDocument::cpu_utilization_max() const {
  double busiest = 0;
  for (const ShardUse& shard : shards) busiest = std::max(busiest, shard.cpu_utilization);
  return busiest;
}

std::optional<double> LoadDocument::cpu_us_per_request() const {
  const double answers = rate_achieved_rps * window.duration_s();
  if (answers < 0.5) return std::nullopt;
  return to_us(static_cast<double>(cpu_ns())) / answers;
}

std::string write_load_document(const LoadDocument& document) {
  Json json;
  put_identity(json, "c1m-load", document.started_utc);
  put_run(json, document);
  json["window"] = {{"start_monotonic_ns", document.window.start_ns},
                    {"end_monotonic_ns", document.window.end_ns},
                    {"duration_s", document.window.duration_s()}};
  json["connections"] = {{"planned", document.connections_planned},
                         {"established", document.connections_established},
                         {"proven", json_of(document.connections_proven)},
                         {"at_end", document.connections_at_end},
                         {"errors", document.connection_errors}};
  json["connect"] = connect_block(document);
  json["wall"] = wall_block(document);
  json["rate_rps"] = {{"planned", json_of(document.rate_planned_rps)},
                      {"sent", document.rate_sent_rps},
                      {"achieved", document.rate_achieved_rps}};
  json["counts"] = to_json(document.counts);
  json["counts"]["unexpected_bytes"] = document.unexpected_bytes;
  json["warmup_counts"] = to_json(document.warmup_counts);
  json["latency_us"] = {{"response", percentile_block(document.response_ns)},
                        {"service", percentile_block(document.service_ns)},
                        {"send_lag", percentile_block(document.send_lag_ns)},
                        {"network", percentile_block(document.network_ns)},
                        {"receive_delay", percentile_block(document.receive_delay_ns)}};
  json["websocket"] = websocket_block(document.websocket);
  json["churn"] = churn_block(document.churn);
  json["unkind"] = unkind_block(document);
  json["in_flight_mean"] = document.in_flight_mean;
  json["queued_mean"] = document.queued_mean;
  json["timeline"] = timeline_block(document.timeline);
  json["generator"] = generator_block(document);
  json["host"] = host_block(document.host);
  json["validity"] = validity_block(document);
  json["thresholds"] = thresholds_block(document);
  return json.dump(2) + "\n";
}

}  // namespace c1m::measure
