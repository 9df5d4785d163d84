// JSON of the server's documents; see server_documents.hpp. Fields keep the order in which they are
// written here.
#include "measure/server_documents.hpp"

#include <nlohmann/json.hpp>

#include "measure/server_figures.hpp"

namespace c1m::measure {
namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// Text that came from outside, such as a flag's value, may not be UTF-8; JSON must be.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json websocket_json(const std::optional<WebSocketSettingsDocument>& settings) {
  if (!settings) return nullptr;
  return {{"handshake_timeout_s", settings->handshake_timeout_s},
          {"ping_interval_s", settings->ping_interval_s},
          {"pong_timeout_s", settings->pong_timeout_s},
          {"idle_timeout_s", settings->idle_timeout_s},
          {"message_bytes_max", settings->message_bytes_max},
          {"fragments_max", settings->fragments_max},
          {"allowed_origins", settings->allowed_origins},
          {"deflate", settings->deflate}};
}

Json settings_json(const ServerSettings& settings) {
  return {{"listen", settings.listen},
          {"protocol", settings.protocol},
          {"shards", settings.shards},
          {"connections", settings.connections},
          {"processors", or_null(settings.processors)},
          {"cpus", or_null(settings.cpus)},
          {"stats_interval_s", settings.stats_interval_s},
          {"read_buffer_bytes", settings.read_buffer_bytes},
          {"send_buffer_bytes", settings.send_buffer_bytes},
          {"receive_buffer_bytes", settings.receive_buffer_bytes},
          {"thread_stack_bytes", or_null(settings.thread_stack_bytes)},
          {"coroutine_stack_bytes", or_null(settings.coroutine_stack_bytes)},
          {"poller", or_null(settings.choices.poller)},
          {"stacks", or_null(settings.choices.stacks)},
          {"freeze_idle_after_s", or_null(settings.freeze.idle_after_s)},
          {"freeze_when", or_null(settings.freeze.when)},
          {"freeze_above_bytes", or_null(settings.freeze.above_bytes)},
          {"websocket", websocket_json(settings.websocket)}};
}

Json shards_json(const std::vector<ReadyShard>& shards) {
  Json list = Json::array();
  for (const ReadyShard& shard : shards) {
    list.push_back({{"index", shard.index},
                    {"pid", shard.pid},
                    {"address", shard.address},
                    {"port", shard.port},
                    {"processors", or_null(shard.processors)},
                    {"cpus", or_null(shard.cpus)}});
  }
  return list;
}

Json shard_json(const ShardSample& shard) {
  Json json{{"index", shard.index}, {"pid", shard.pid}, {"alive", shard.alive}};
  for (const ShardFigure& figure : shard_figures())
    json[figure.json_name] = or_null(figure.value(shard));
  return json;
}

std::optional<std::uint64_t> total(const ShardFigure& figure,
                                   const std::vector<ShardSample>& shards) {
  std::uint64_t sum = 0;
  for (const ShardSample& shard : shards) {
    const auto value = figure.value(shard);
    if (!value) return std::nullopt;
    sum += *value;
  }
  return sum;
}

// The first shard that lacks a figure gives the reason.
Json unavailable_json(const std::vector<ShardSample>& shards) {
  Json reasons = Json::object();
  for (const ShardSample& shard : shards) {
    for (const auto& [field, reason] : shard.process.unavailable) {
      if (!reasons.contains(field)) {
        reasons[field] = "shard " + std::to_string(shard.index) + ": " + reason;
      }
    }
  }
  return reasons;
}

}  // namespace

std::string to_json(const ReadyDocument& document) {
  const Json admin =
      document.admin_address ? Json{{"address", *document.admin_address}} : Json(nullptr);
  const Json json{{"schema_version", schema_version},
                  {"kind", "c1m-ready"},
                  {"program", document.program},
                  {"backend", document.backend},
                  {"version", document.build.version},
                  {"commit", document.build.commit},
                  {"preset", document.build.preset},
                  {"dirty", document.build.dirty},
                  {"pid", document.pid},
                  {"started_utc", document.started_utc},
                  {"protocol", document.settings.protocol},
                  {"settings", settings_json(document.settings)},
                  {"admin", admin},
                  {"shards", shards_json(document.shards)}};
  return dump(json, 2) + '\n';
}

std::string to_json_line(const StatsSample& sample) {
  Json shards = Json::array();
  for (const ShardSample& shard : sample.shards) shards.push_back(shard_json(shard));
  Json totals = Json::object();
  for (const ShardFigure& figure : shard_figures()) {
    totals[figure.json_name] = or_null(total(figure, sample.shards));
  }
  const Json json{{"schema_version", schema_version},
                  {"kind", "c1m-stats"},
                  {"monotonic_ns", sample.monotonic_ns},
                  {"utc", sample.utc},
                  {"poller", or_null(sample.choices.poller)},
                  {"stacks", or_null(sample.choices.stacks)},
                  {"shards", shards},
                  {"total", totals},
                  {"unavailable", unavailable_json(sample.shards)}};
  return dump(json, -1);
}

}  // namespace c1m::measure
