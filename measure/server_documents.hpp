// The documents that a server writes, typed: the ready file, and the samples of its stats file and
// /stats. Contract: docs/methodology.md says what each figure means; a unit stands in every field's
// name. Threads: values. Not here: taking the figures (process_probe.hpp, servers/app) and writing
// files.
#pragma once

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
