// JSON of a shard's result; see load_result_json.hpp.
#include "measure/load_result_json.hpp"

#include <nlohmann/json.hpp>

#include "measure/histogram_codec.hpp"
#include "measure/websocket_result_counters.hpp"

namespace c1m::measure {
namespace {

using Json = nlohmann::json;

Json to_json(const RequestCounts& counts) {
  return {{"planned", counts.planned},    {"sent", counts.sent},
          {"unsent", counts.unsent},      {"answered", counts.answered},
          {"lost", counts.lost},          {"in_flight_at_end", counts.in_flight_at_end},
          {"corrupt", counts.corrupt},    {"late", counts.late},
          {"timed_out", counts.timed_out}};
}

RequestCounts counts_from(const Json& json) {
  return {.planned = json.at("planned"),
          .sent = json.at("sent"),
          .unsent = json.at("unsent"),
          .answered = json.at("answered"),
          .lost = json.at("lost"),
          .in_flight_at_end = json.at("in_flight_at_end"),
          .corrupt = json.at("corrupt"),
          .late = json.at("late"),
          .timed_out = json.at("timed_out")};
}

// Decodes histograms and remembers the first that is damaged.
class HistogramReader {
 public:
  Histogram read(const Json& json) {
    auto histogram = decode_v2_base64(json.get_ref<const std::string&>());
    if (histogram) return *std::move(histogram);
    if (damage_.empty()) damage_ = histogram.error();
    return {};
  }
  // Why, or empty.
  [[nodiscard]] const std::string& damage() const { return damage_; }

 private:
  std::string damage_;
};

Json to_json(const std::optional<Refusal>& refusal) {
  if (!refusal) return nullptr;
  return {{"at_ns", refusal->at_ns}, {"call", refusal->call}, {"reason", refusal->reason}};
}

std::optional<Refusal> refusal_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Refusal{.at_ns = json.at("at_ns"), .call = json.at("call"), .reason = json.at("reason")};
}

Json to_json(const ConnectResult& connect) {
  return {{"failed", connect.failed},   {"first_ns", connect.first_ns},
          {"last_ns", connect.last_ns}, {"latency_ns", encode_v2_base64(connect.latency_ns)},
          {"errors", connect.errors},   {"first_refusal", to_json(connect.first_refusal)}};
}

Json to_json(const ConnectTimeline& timeline) {
  Json json = Json::array();
  for (const auto& [number, interval] : timeline) {
    json.push_back({number, interval.attempted, interval.established, interval.failed});
  }
  return json;
}

ConnectTimeline connect_timeline_from(const Json& json) {
  ConnectTimeline timeline;
  for (const Json& row : json) {
    timeline[row.at(0)] = {.attempted = row.at(1), .established = row.at(2), .failed = row.at(3)};
  }
  return timeline;
}

ConnectResult connect_from(const Json& json, HistogramReader& histograms) {
  return {.failed = json.at("failed"),
          .first_ns = json.at("first_ns"),
          .last_ns = json.at("last_ns"),
          .latency_ns = histograms.read(json.at("latency_ns")),
          .errors = json.at("errors"),
          .first_refusal = refusal_from(json.at("first_refusal"))};
}

Json to_json(const TimelineSecond& second) {
  return {{"sent", second.sent},
          {"answered", second.answered},
          {"in_flight", second.in_flight},
          {"established", second.established},
          {"latency_hdr_v2_b64", second.latency_hdr_v2_b64}};
}

TimelineSecond second_from(const Json& json) {
  return {.sent = json.at("sent"),
          .answered = json.at("answered"),
          .in_flight = json.at("in_flight"),
          .established = json.at("established"),
          .latency_hdr_v2_b64 = json.at("latency_hdr_v2_b64")};
}

Json to_json(const std::optional<WebSocketResult>& websocket) {
  if (!websocket) return nullptr;
  Json json{{"handshake_ns", encode_v2_base64(websocket->handshake_ns)},
            {"ping_rtt_ns", encode_v2_base64(websocket->ping_rtt_ns)},
            {"close_ns", encode_v2_base64(websocket->close_ns)}};
  for (const auto& [name, value] : websocket_counters) json[name] = *websocket.*value;
  return json;
}

std::optional<WebSocketResult> websocket_from(const Json& json, HistogramReader& histograms) {
  if (json.is_null()) return std::nullopt;
  WebSocketResult websocket;
  websocket.handshake_ns = histograms.read(json.at("handshake_ns"));
  websocket.ping_rtt_ns = histograms.read(json.at("ping_rtt_ns"));
  websocket.close_ns = histograms.read(json.at("close_ns"));
  for (const auto& [name, value] : websocket_counters) json.at(name).get_to(websocket.*value);
  return websocket;
}

Json to_json(const std::optional<ShardSilence>& silence) {
  if (!silence) return nullptr;
  Json targets = Json::array();
  for (const TargetSilence& target : silence->targets) {
    Json silences = Json::array();
    for (const Silence& each : target.silences) silences.push_back({each.begin_ns, each.end_ns});
    targets.push_back({{"answers", target.answers}, {"silences", std::move(silences)}});
  }
  return {{"floor_ns", silence->floor_ns}, {"targets", std::move(targets)}};
}

std::optional<ShardSilence> silence_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  ShardSilence silence{.floor_ns = json.at("floor_ns"), .targets = {}};
  for (const Json& target : json.at("targets")) {
    TargetSilence seen{.answers = target.at("answers"), .silences = {}};
    for (const Json& each : target.at("silences"))
      seen.silences.push_back({.begin_ns = each.at(0), .end_ns = each.at(1)});
    silence.targets.push_back(std::move(seen));
  }
  return silence;
}

Json to_json(const std::optional<ChurnResult>& churn) {
  if (!churn) return nullptr;
  Json json{{"close_ns", encode_v2_base64(churn->close_ns)},
            {"connect_ns", encode_v2_base64(churn->connect_ns)},
            {"away_ns", encode_v2_base64(churn->away_ns)},
            {"close_errors", churn->close_errors},
            {"connect_errors", churn->connect_errors}};
  for (const auto& [name, value] : churn_counters) json[name] = *churn.*value;
  return json;
}

std::optional<ChurnResult> churn_from(const Json& json, HistogramReader& histograms) {
  if (json.is_null()) return std::nullopt;
  ChurnResult churn;
  churn.close_ns = histograms.read(json.at("close_ns"));
  churn.connect_ns = histograms.read(json.at("connect_ns"));
  churn.away_ns = histograms.read(json.at("away_ns"));
  json.at("close_errors").get_to(churn.close_errors);
  json.at("connect_errors").get_to(churn.connect_errors);
  for (const auto& [name, value] : churn_counters) json.at(name).get_to(churn.*value);
  return churn;
}

Json to_json(const std::optional<UnkindResult>& clients) {
  if (!clients) return nullptr;
  Json json{{"standing_client_s", clients->standing_client_s},
            {"ended_after_ns", encode_v2_base64(clients->ended_after_ns)},
            {"end_errors", clients->end_errors},
            {"connect_errors", clients->connect_errors}};
  for (const auto& [name, value] : unkind_counters) json[name] = *clients.*value;
  return json;
}

std::optional<UnkindResult> unkind_from(const Json& json, HistogramReader& histograms) {
  if (json.is_null()) return std::nullopt;
  UnkindResult clients;
  json.at("standing_client_s").get_to(clients.standing_client_s);
  clients.ended_after_ns = histograms.read(json.at("ended_after_ns"));
  json.at("end_errors").get_to(clients.end_errors);
  json.at("connect_errors").get_to(clients.connect_errors);
  for (const auto& [name, value] : unkind_counters) json.at(name).get_to(clients.*value);
  return clients;
}

LoadShardResult result_from(const Json& json, HistogramReader& histograms) {
  LoadShardResult result;
  json.at("index").get_to(result.index);
  json.at("pid").get_to(result.pid);
  json.at("connections_planned").get_to(result.connections_planned);
  json.at("connections_established").get_to(result.connections_established);
  json.at("connections_proven").get_to(result.connections_proven);
  json.at("connections_at_end").get_to(result.connections_at_end);
  result.connect = connect_from(json.at("connect"), histograms);
  result.connect_timeline = connect_timeline_from(json.at("connect_timeline"));
  json.at("connection_errors").get_to(result.connection_errors);
  json.at("unexpected_bytes").get_to(result.unexpected_bytes);
  result.counts = counts_from(json.at("counts"));
  result.warmup_counts = counts_from(json.at("warmup_counts"));
  json.at("sent_in_window").get_to(result.sent_in_window);
  json.at("answers_in_window").get_to(result.answers_in_window);
  json.at("in_flight_request_s").get_to(result.in_flight_request_s);
  json.at("queued_request_s").get_to(result.queued_request_s);
  result.response_ns = histograms.read(json.at("response_ns"));
  result.service_ns = histograms.read(json.at("service_ns"));
  result.send_lag_ns = histograms.read(json.at("send_lag_ns"));
  result.network_ns = histograms.read(json.at("network_ns"));
  result.receive_delay_ns = histograms.read(json.at("receive_delay_ns"));
  for (const Json& second : json.at("timeline")) result.timeline.push_back(second_from(second));
  json.at("cpu_ns").get_to(result.cpu_ns);
  json.at("rss_bytes").get_to(result.rss_bytes);
  json.at("request_pool_bytes").get_to(result.request_pool_bytes);
  result.silence = silence_from(json.at("silence"));
  result.websocket = websocket_from(json.at("websocket"), histograms);
  result.churn = churn_from(json.at("churn"), histograms);
  result.half_open = unkind_from(json.at("half_open"), histograms);
  result.slow = unkind_from(json.at("slow"), histograms);
  return result;
}

}  // namespace

std::string write_load_shard_result(const LoadShardResult& result) {
  Json timeline = Json::array();
  for (const TimelineSecond& second : result.timeline) timeline.push_back(to_json(second));
  const Json json = {{"index", result.index},
                     {"pid", result.pid},
                     {"connections_planned", result.connections_planned},
                     {"connections_established", result.connections_established},
                     {"connections_proven", result.connections_proven},
                     {"connections_at_end", result.connections_at_end},
                     {"connect", to_json(result.connect)},
                     {"connect_timeline", to_json(result.connect_timeline)},
                     {"connection_errors", result.connection_errors},
                     {"unexpected_bytes", result.unexpected_bytes},
                     {"counts", to_json(result.counts)},
                     {"warmup_counts", to_json(result.warmup_counts)},
                     {"sent_in_window", result.sent_in_window},
                     {"answers_in_window", result.answers_in_window},
                     {"in_flight_request_s", result.in_flight_request_s},
                     {"queued_request_s", result.queued_request_s},
                     {"response_ns", encode_v2_base64(result.response_ns)},
                     {"service_ns", encode_v2_base64(result.service_ns)},
                     {"send_lag_ns", encode_v2_base64(result.send_lag_ns)},
                     {"network_ns", encode_v2_base64(result.network_ns)},
                     {"receive_delay_ns", encode_v2_base64(result.receive_delay_ns)},
                     {"timeline", std::move(timeline)},
                     {"cpu_ns", result.cpu_ns},
                     {"rss_bytes", result.rss_bytes},
                     {"request_pool_bytes", result.request_pool_bytes},
                     {"silence", to_json(result.silence)},
                     {"websocket", to_json(result.websocket)},
                     {"churn", to_json(result.churn)},
                     {"half_open", to_json(result.half_open)},
                     {"slow", to_json(result.slow)}};
  return json.dump();
}

std::expected<LoadShardResult, std::string> read_load_shard_result(std::string_view text) {
  HistogramReader histograms;
  try {
    LoadShardResult result = result_from(Json::parse(text), histograms);
    if (histograms.damage().empty()) return result;
    return std::unexpected("a histogram of a shard's result is damaged: " + histograms.damage());
  } catch (const Json::exception& error) {
    return std::unexpected(std::string("not a shard's result: ") + error.what());
  }
}

}  // namespace c1m::measure
