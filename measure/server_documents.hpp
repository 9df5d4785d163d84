// The documents that a server writes, typed: the ready file, and the samples of its stats file and
// /stats. Contract: docs/methodology.md says what each figure means; a unit stands in every field's
// name. Threads: values. Not here: taking the figures (process_probe.hpp, servers/app) and writing
// files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/process_probe.hpp"
#include "os/build_info.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

// What a backend does where it has a choice; empty where it has none.
struct BackendChoices {
  std::optional<std::string> poller;  // "epoll", "io_uring"
  std::optional<std::string> stacks;  // "dedicated", "compact": what runs
};

// Flags of the WebSocket protocol; a time of 0 means that it is off.
struct WebSocketSettingsDocument {
  double handshake_timeout_s = 0;
  double ping_interval_s = 0;
  double pong_timeout_s = 0;
  double idle_timeout_s = 0;
  std::uint64_t message_bytes_max = 0;
  std::uint64_t fragments_max = 0;
  std::vector<std::string> allowed_origins;  // empty: all
  bool deflate = false;
};

// When stacks of idle connections are frozen; empty where nothing of the kind was asked for.
struct FreezeDocument {
  std::optional<double> idle_after_s;
  std::optional<std::string> when;           // "pressure", "above" or "always"
  std::optional<std::uint64_t> above_bytes;  // as asked for, which the shards divide; for "above"
};

// Every flag's effective value; empty where the backend does not have the setting or nothing was
// chosen.
struct ServerSettings {
  std::string listen;
  std::string protocol;
  std::uint64_t shards = 1;
  std::uint64_t connections = 0;  // that the server is sized for
  std::optional<std::uint64_t> processors;
  std::optional<std::string> cpus;
  double stats_interval_s = 1;
  std::uint64_t read_buffer_bytes = 0;
  std::uint64_t send_buffer_bytes = 0;     // 0: the kernel's autotuning
  std::uint64_t receive_buffer_bytes = 0;  // likewise
  std::optional<std::uint64_t> thread_stack_bytes;
  std::optional<std::uint64_t> coroutine_stack_bytes;
  BackendChoices choices;
  FreezeDocument freeze;
  std::optional<WebSocketSettingsDocument> websocket;  // where it is spoken
};

struct ReadyShard {
  unsigned index = 0;
  int pid = 0;
  std::string address;  // "127.0.0.1:7000"
  std::uint16_t port = 0;
  std::optional<std::uint64_t> processors;
  std::optional<std::string> cpus;
};

// Written when every shard listens.
struct ReadyDocument {
  std::string program;  // "c1m-uv"
  std::string backend;  // "uv"
  os::BuildInfo build{};
  int pid = 0;  // the supervisor's
  std::string started_utc;
  ServerSettings settings;
  std::optional<std::string> admin_address;
  std::vector<ReadyShard> shards;
};

// One JSON document, indented, with a newline at its end.
std::string to_json(const ReadyDocument& document);

// Codes of Close frames that are counted apart; the last count is of all others.
inline constexpr std::array<std::uint16_t, 10> close_codes{1000, 1001, 1002, 1003, 1005,
                                                           1006, 1007, 1008, 1009, 1011};

// What WebSocket sessions have counted; all zero where echo is spoken.
struct WebSocketFigures {
  std::uint64_t sessions_open = 0;  // the present value
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_ended = 0;
  std::uint64_t handshakes_refused = 0;
  std::uint64_t handshakes_abandoned = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t message_bytes_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t message_bytes_sent = 0;
  std::uint64_t pings_sent = 0;
  std::uint64_t pings_received = 0;
  std::uint64_t pongs_received = 0;
  std::array<std::uint64_t, close_codes.size() + 1> closes{};
};

// What a shard has counted itself since its start.
struct TrafficFigures {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;  // the present value
  std::uint64_t connections_closed = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t reads = 0;   // read calls that brought bytes
  std::uint64_t writes = 0;  // write calls that took bytes
  std::uint64_t accept_errors = 0;
  std::uint64_t connection_errors = 0;  // resets and the like, by peers
  // Times that a compact coroutine's frames were copied out for another; up to a stats interval
  // late.
  std::uint64_t frames_frozen = 0;
  // Stacks of idle connections, as late: how many are frozen, how often that and the reverse has
  // happened, and the bytes of pages given back so.
  std::uint64_t stacks_frozen = 0;  // the present value
  std::uint64_t stack_freezes = 0;
  std::uint64_t stack_thaws = 0;
  std::uint64_t stack_bytes_released = 0;
  WebSocketFigures websocket;
};

struct ShardSample {
  unsigned index = 0;
  int pid = 0;
  bool alive = true;
  ProcessSample process;
  TrafficFigures traffic;
};

// All shards of a server at one time.
struct StatsSample {
  os::Nanoseconds monotonic_ns =
      0;  // CLOCK_MONOTONIC, so that other processes' times compare with it
  std::string utc;
  BackendChoices choices;
  std::vector<ShardSample> shards;
};

// One line of JSON without its newline. A total is null when a shard's value is missing, for the
// sum of the others would pass for the whole.
std::string to_json_line(const StatsSample& sample);

}  // namespace c1m::measure
