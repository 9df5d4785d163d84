// The server's documents, read back by an independent path: field names, nulls, totals and reasons.
#include "measure/server_documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace c1m::measure {
namespace {

using Json = nlohmann::json;

constexpr const char* figure_names[] = {
    "cpu_us",
    "cpu_user_us",
    "cpu_system_us",
    "rss_bytes",
    "pss_bytes",
    "private_dirty_bytes",
    "threads",
    "descriptors",
    "context_switches_voluntary",
    "context_switches_involuntary",
    "run_queue_delay_us",
    "page_faults_minor",
    "page_faults_major",
    "connections_accepted",
    "connections_open",
    "connections_closed",
    "bytes_received",
    "bytes_sent",
    "reads",
    "writes",
    "accept_errors",
    "connection_errors",
    "frames_frozen",
    "stacks_frozen",
    "stack_freezes",
    "stack_thaws",
    "stack_bytes_released",
    "sessions_open",
    "sessions_opened",
    "sessions_ended",
    "handshakes_refused",
    "handshakes_abandoned",
    "messages_received",
    "message_bytes_received",
    "messages_sent",
    "message_bytes_sent",
    "pings_sent",
    "pings_received",
    "pongs_received",
    "closes_1000",
    "closes_1001",
    "closes_1002",
    "closes_1003",
    "closes_1005",
    "closes_1006",
    "closes_1007",
    "closes_1008",
    "closes_1009",
    "closes_1011",
    "closes_other",
};

// A different number in each figure, in the order above, so that a swapped pair shows.
ShardSample numbered_shard(unsigned index, std::uint64_t first) {
  ShardSample shard{.index = index,
                    .pid = 100 + static_cast<int>(index),
                    .alive = true,
                    .process = {},
                    .traffic = {}};
  std::uint64_t next = first;
  ProcessSample& process = shard.process;
  for (auto* value :
       {&process.cpu_us, &process.cpu_user_us, &process.cpu_system_us, &process.rss_bytes,
        &process.pss_bytes, &process.private_dirty_bytes, &process.threads, &process.descriptors,
        &process.context_switches_voluntary, &process.context_switches_involuntary,
        &process.run_queue_delay_us, &process.page_faults_minor, &process.page_faults_major}) {
    *value = next++;
  }
  TrafficFigures& traffic = shard.traffic;
  for (auto* value :
       {&traffic.connections_accepted, &traffic.connections_open, &traffic.connections_closed,
        &traffic.bytes_received, &traffic.bytes_sent, &traffic.reads, &traffic.writes,
        &traffic.accept_errors, &traffic.connection_errors, &traffic.frames_frozen,
        &traffic.stacks_frozen, &traffic.stack_freezes, &traffic.stack_thaws,
        &traffic.stack_bytes_released}) {
    *value = next++;
  }
  WebSocketFigures& websocket = traffic.websocket;
  for (auto* value :
       {&websocket.sessions_open, &websocket.sessions_opened, &websocket.sessions_ended,
        &websocket.handshakes_refused, &websocket.handshakes_abandoned,
        &websocket.messages_received, &websocket.message_bytes_received, &websocket.messages_sent,
        &websocket.message_bytes_sent, &websocket.pings_sent, &websocket.pings_received,
        &websocket.pongs_received}) {
    *value = next++;
  }
  for (std::uint64_t& value : websocket.closes) value = next++;
  return shard;
}

StatsSample two_shards() {
  return {.monotonic_ns = 123'456'789'012'345,
          .utc = "2026-01-31T12:00:00.123Z",
          .choices = {.poller = "io_uring", .stacks = "compact"},
          .shards = {numbered_shard(0, 100), numbered_shard(1, 1'000)}};
}

TEST(StatsLine, HasEveryFigureOfEveryShardAndTheirSums) {
  const std::string line = to_json_line(two_shards());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Json json = Json::parse(line);
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["kind"], "c1m-stats");
  EXPECT_EQ(json["monotonic_ns"], 123'456'789'012'345);
  EXPECT_EQ(json["utc"], "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(json["poller"], "io_uring");
  EXPECT_EQ(json["stacks"], "compact");
  ASSERT_EQ(json["shards"].size(), 2U);
  EXPECT_EQ(json["shards"][1]["index"], 1);
  EXPECT_EQ(json["shards"][1]["pid"], 101);
  EXPECT_EQ(json["shards"][1]["alive"], true);
  std::uint64_t place = 0;
  for (const char* name : figure_names) {
    EXPECT_EQ(json["shards"][0][name], 100 + place) << name;
    EXPECT_EQ(json["shards"][1][name], 1'000 + place) << name;
    EXPECT_EQ(json["total"][name], 1'100 + 2 * place) << name;
    ++place;
  }
  EXPECT_EQ(json["total"].size(), place);
  EXPECT_TRUE(json["unavailable"].empty());
}

TEST(StatsLine, AMissingValueIsNullWithItsReasonAndSpoilsTheTotal) {
  StatsSample sample = two_shards();
  sample.shards[1].process.run_queue_delay_us.reset();
  sample.shards[1].process.unavailable["run_queue_delay_us"] = "too many threads";
  const Json json = Json::parse(to_json_line(sample));
  EXPECT_EQ(json["shards"][0]["run_queue_delay_us"], 110);
  EXPECT_TRUE(json["shards"][1]["run_queue_delay_us"].is_null());
  EXPECT_TRUE(json["total"]["run_queue_delay_us"].is_null());
  EXPECT_EQ(json["unavailable"], (Json{{"run_queue_delay_us", "shard 1: too many threads"}}));
}

ReadyDocument ready_document() {
  ReadyDocument document;
  document.program = "c1m-uv";
  document.backend = "uv";
  document.build = {.version = "0.1.0", .commit = "abc", .preset = "release", .dirty = false};
  document.pid = 123;
  document.started_utc = "2026-01-31T12:00:00.123Z";
  document.settings.listen = "127.0.0.1:7000";
  document.settings.protocol = "echo";
  document.settings.stats_interval_s = 0.25;
  document.settings.read_buffer_bytes = 4096;
  document.settings.processors = 2;
  document.shards = {{.index = 0,
                      .pid = 124,
                      .address = "127.0.0.1:7000",
                      .port = 7000,
                      .processors = 2,
                      .cpus = "0"}};
  return document;
}

TEST(ReadyFile, SaysWhatRunsAndWhere) {
  ReadyDocument document = ready_document();
  document.admin_address = "127.0.0.1:9100";
  const Json json = Json::parse(to_json(document));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["kind"], "c1m-ready");
  EXPECT_EQ(json["program"], "c1m-uv");
  EXPECT_EQ(json["backend"], "uv");
  EXPECT_EQ(json["version"], "0.1.0");
  EXPECT_EQ(json["commit"], "abc");
  EXPECT_EQ(json["preset"], "release");
  EXPECT_EQ(json["dirty"], false);
  EXPECT_EQ(json["pid"], 123);
  EXPECT_EQ(json["started_utc"], "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(json["protocol"], "echo");
  EXPECT_EQ(json["admin"], (Json{{"address", "127.0.0.1:9100"}}));
  EXPECT_EQ(json["shards"],
            Json::parse(R"([{"index":0,"pid":124,"address":"127.0.0.1:7000","port":7000,
                                             "processors":2,"cpus":"0"}])"));
  EXPECT_EQ(json["settings"]["stats_interval_s"], 0.25);
  EXPECT_EQ(json["settings"]["read_buffer_bytes"], 4096);
}

TEST(ReadyFile, WhatIsNotThereIsNull) {
  const Json json = Json::parse(to_json(ready_document()));
  EXPECT_TRUE(json["admin"].is_null());
  EXPECT_TRUE(json["settings"]["cpus"].is_null());
  EXPECT_TRUE(json["settings"]["thread_stack_bytes"].is_null());
  EXPECT_TRUE(json["settings"]["coroutine_stack_bytes"].is_null());
  EXPECT_TRUE(json["settings"]["poller"].is_null());
  EXPECT_TRUE(json["settings"]["stacks"].is_null());
  EXPECT_TRUE(json["settings"]["freeze_idle_after_s"].is_null());
  EXPECT_TRUE(json["settings"]["freeze_when"].is_null());
  EXPECT_TRUE(json["settings"]["freeze_above_bytes"].is_null());
  EXPECT_TRUE(json["settings"]["websocket"].is_null());
}

TEST(ReadyFile, HasTheSettingsOfWebSocketWhereItIsSpoken) {
  ReadyDocument document = ready_document();
  document.settings.websocket = {.handshake_timeout_s = 10,
                                 .ping_interval_s = 30,
                                 .pong_timeout_s = 5,
                                 .idle_timeout_s = 0,
                                 .message_bytes_max = 1'024,
                                 .fragments_max = 7,
                                 .allowed_origins = {"http://good.example"},
                                 .deflate = true};
  EXPECT_EQ(Json::parse(to_json(document))["settings"]["websocket"],
            Json::parse(R"({"handshake_timeout_s":10.0,"ping_interval_s":30.0,"pong_timeout_s":5.0,
                            "idle_timeout_s":0.0,"message_bytes_max":1024,"fragments_max":7,
                            "allowed_origins":["http://good.example"],"deflate":true})"));
}

TEST(ReadyFile, StaysJsonWhenAFlagWasNotUtf8) {
  ReadyDocument document = ready_document();
  document.settings.listen = "\xff:7000";
  EXPECT_EQ(Json::parse(to_json(document))["settings"]["listen"], "\xEF\xBF\xBD:7000");
}

}  // namespace
}  // namespace c1m::measure
