// Reading flags with CLI11; see load_flags.hpp.
#include "loadgen/load_flags.hpp"

#include <algorithm>
#include <limits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "loadgen/calibration.hpp"
#include "loadgen/connection_flags.hpp"
#include "loadgen/flag_reader.hpp"
#include "loadgen/schedule_flags.hpp"
#include "loadgen/search_flags.hpp"
#include "loadgen/unkind_flags.hpp"
#include "loadgen/websocket_flags.hpp"
#include "os/build_info.hpp"

namespace c1m::loadgen {
namespace {

// Flags as the user wrote them. Kept as text until their ranges are checked, so that every message
// can show the text.
struct FlagTexts {
  std::string target;
  std::string connections = "100";
  std::string duration;
  ScheduleTexts schedule;
  std::string pipeline;
  std::string protocol = "echo";
  WebSocketTexts websocket;
  std::string message_size = "64";
  std::string warmup;
  std::string hold = "0s";
  std::string seed = "1";
  std::string shards = "auto";
  std::string cpus;
  ConnectionTexts connection;
  UnkindTexts unkind;
  std::string timeout = "10s";
  std::string in_flight_max = "1000000";
  PrecisionTexts precision;
  std::string send_lag_p99_max = "1ms";
  std::string format = "text";
  std::string progress = "auto";
  std::string metrics;
  std::string out;
  std::string histograms;
  PauseTexts pauses;
  std::string hgrm;
  std::string hdr_log;
  std::vector<std::string> thresholds;
  SearchTexts search;
  std::string calibration_file;
  bool calibrate = false;
  bool idle = false;
  bool strict = false;
  bool kernel_timestamps = false;
};

void add_traffic_flags(CLI::App& app, FlagTexts& texts) {
  app.add_option("--target", texts.target,
                 "HOST:PORT[,HOST:PORT..]: the server, or its shards' ports (required)");
  app.add_option("-c,--connections", texts.connections, "connections over all shards [100]");
  app.add_option("-d,--duration", texts.duration,
                 "length of the measured window [30s; of a step of --search 3s]");
  app.add_option("-R,--rate", texts.schedule.rate,
                 "requests a second over all connections; without a rate: closed loop");
  app.add_option("--ramp", texts.schedule.ramp,
                 "FROM:TO: a rate that grows or falls in a straight line over the window");
  app.add_option("--steps", texts.schedule.steps,
                 "RATE,RATE..: one after another, each for an equal part of the window");
  app.add_option("--burst", texts.schedule.burst,
                 "ON/OFF, as in 100ms/900ms: all that -R asks for falls due in the ON times");
  app.add_option("--trace", texts.schedule.trace,
                 "replay FILE: a line an arrival, its offset in seconds[,connection from 0]");
  app.add_option("--arrival", texts.schedule.arrival,
                 "poisson | uniform: intervals of the open loop [poisson]");
  app.add_option("--choose", texts.schedule.choice,
                 "uniform | zipf:EXPONENT | active:COUNT: which connection carries a request of "
                 "the open loop [uniform]");
  app.add_option("--pipeline", texts.pipeline,
                 "requests in flight on a connection: closed loop so many at a time [1]; open loop "
                 "at most so many, the others wait their turn [no limit]");
  app.add_flag("--idle", texts.idle,
               "hold the connections for the duration, then prove each alive by one exchange");
  app.add_option("--protocol", texts.protocol,
                 "echo | ws: bytes, or messages of WebSocket (RFC 6455), echoed [echo]");
  app.add_option("-s,--message-size", texts.message_size,
                 "bytes of a request, or 4KiB, 1MiB; with --protocol ws also MIN-MAX, as in "
                 "16-4KiB: drawn evenly for each message [64]");
  app.add_option(
      "--warmup", texts.warmup,
      "traffic before the window, verified, not measured [2s; of a trace its beginning, 0s; of a "
      "step of --search 1s]");
  app.add_option("--hold", texts.hold,
                 "once connected, prove each connection alive by one exchange and let all rest; so "
                 "long for both, before the warm-up [0s: neither]");
  app.add_option("--timeout", texts.timeout,
                 "for a connect and for the drain; a later answer counts as late [10s]");
  app.add_option("--seed", texts.seed, "names the plan and the payload [1]");
  app.add_option("--max-in-flight", texts.in_flight_max,
                 "requests outstanding at a time; more count as unsent [1000000]");
}

void add_search_flags(CLI::App& app, FlagTexts& texts) {
  app.add_option("--search", texts.search.objective,
                 "find the highest rate at which a bound as of --threshold holds, as in p99<10ms: "
                 "short open-loop runs, each with fresh connections");
  app.add_option("--search-rates", texts.search.rates,
                 "FROM:TO: where it begins and the lowest rate, and the highest [100:1000000]");
  app.add_option("--search-resolution", texts.search.resolution,
                 "done when the lowest rate that does not hold is no further above [5%]");
  app.add_option("--search-confidence", texts.search.confidence,
                 "and when the bracket is right with this probability [95%]");
  app.add_option("--search-steps", texts.search.steps, "runs at most [60]");
}

void add_calibration_flags(CLI::App& app, FlagTexts& texts) {
  app.add_flag("--calibrate", texts.calibrate,
               "measure what this machine's generator can do, against an echo of its own (no "
               "--target), and store it for `c1m doctor`; takes the --search-.. flags");
  app.add_option("--calibration-file", texts.calibration_file,
                 "where to store it [$XDG_CACHE_HOME or ~/.cache, c1m/calibration.json]");
}

void add_process_flags(CLI::App& app, FlagTexts& texts) {
  app.add_option("--shards", texts.shards,
                 "processes: N, or auto for as few as the descriptor limit allows [auto]");
  app.add_option("--cpus", texts.cpus, "CPUs to run on, as in 0-3,8; shared out to the shards");
  app.add_flag(
      "--kernel-timestamps", texts.kernel_timestamps,
      "split service time where the kernel received the answer: network and server before, "
      "the generator's own delay after it");
  app.add_option("--spin", texts.precision.spin,
                 "busy-wait so long before each send is due; costs CPU, saves wake-up time [0s]");
  app.add_option("--send-slack", texts.precision.send_slack,
                 "open loop: sleep up to so much longer than until a request is due, and send what "
                 "fell due meanwhile at once; costs send lag, saves CPU [0s]");
}

void add_output_flags(CLI::App& app, FlagTexts& texts) {
  app.add_option("--format", texts.format, "text | json | csv: the result on stdout [text]");
  app.add_option("--out", texts.out, "also write the JSON document to FILE");
  app.add_option("--histograms", texts.histograms,
                 "write response, service and send_lag .hgrm and an HDR interval log into DIR");
  app.add_option("--hgrm", texts.hgrm,
                 "write the latency percentiles to FILE as HdrHistogram's plotter reads them");
  app.add_option("--hdr-log", texts.hdr_log,
                 "write an HDR interval log (1.3) of the latency to FILE, a row a second");
  app.add_option("--pauses", texts.pauses.path,
                 "write FILE: when the service was silent, and when this generator or its CPUs "
                 "stood still");
  app.add_option("--pause-threshold", texts.pauses.threshold,
                 "of --pauses: the shortest stall that is kept; every one of twice as long is "
                 "found [1ms]");
  app.add_flag("--strict", texts.strict, "exit 3 when the run is not valid");
  app.add_option("--threshold", texts.thresholds,
                 "METRIC<BOUND (or <=, >, >=), as in p99<5ms; exit 99 when it is not kept; may be "
                 "repeated. METRIC: p50 (any percentile), mean, max, of the response time (closed "
                 "loop: service time), or after service- or send-lag-; rate in answers/s; errors, "
                 "lost in requests or with % of the planned")
      ->allow_extra_args(false);
  app.add_option("--max-send-lag-p99", texts.send_lag_p99_max,
                 "bound of the validity check on the send lag [1ms]");
  app.add_option("--metrics", texts.metrics,
                 "HOST:PORT on which the running test is served as OpenMetrics, under /metrics");
  app.add_option("--progress", texts.progress,
                 "auto | always | never: on stderr, a bar on a terminal, elsewhere a line every "
                 "5 s (always: every second) [auto]");
}

void read_metrics(FlagReader& reader, const FlagTexts& texts, LoadSettings& settings) {
  if (texts.metrics.empty()) return;
  const auto endpoint = os::parse_endpoint(texts.metrics);
  if (!endpoint) {
    reader.report("--metrics", endpoint.error());
  } else {
    settings.metrics = *endpoint;
  }
}

// A search makes its own rates, and many runs.
void read_search_settings(FlagReader& reader, const FlagTexts& texts, LoadSettings& settings) {
  if (texts.search.objective.empty() && !texts.calibrate) return;
  SearchTexts search = texts.search;
  if (texts.calibrate) search.objective = fmt::format("send-lag-p99<{}", texts.send_lag_p99_max);
  settings.search = read_search(reader, search);
  settings.search->of_generator = settings.calibrates = texts.calibrate;
  const std::pair<const char*, bool> excluded[] = {
      {"-R, --ramp, --steps, --burst or --trace", texts.schedule.is_given()},
      {"--idle", texts.idle},
      {"--threshold", !texts.thresholds.empty()},
      {"--hgrm, --hdr-log or --histograms",
       !(texts.hgrm + texts.hdr_log + texts.histograms).empty()},
      {"--format csv", texts.format == "csv"},
      {"--pauses", !texts.pauses.path.empty()},
      {"--search", texts.calibrate && !texts.search.objective.empty()},
      {"--target", texts.calibrate && !texts.target.empty()},
      {"--sources", texts.calibrate && texts.connection.sources != "auto"},
      {"--lifetime", texts.calibrate && !texts.connection.lifetime.empty()},
      {"--half-open or --slow", texts.calibrate && texts.unkind.has_clients()},
      {"--protocol ws", texts.calibrate && texts.protocol == "ws"}};
  for (const auto& [flag, is_given] : excluded) {
    if (!is_given) continue;
    reader.report(texts.calibrate ? "--calibrate" : "--search",
                  fmt::format("cannot be together with {}: {}", flag,
                              texts.calibrate ? "it has a target and traffic of its own"
                                              : "it makes many runs"));
  }
  settings.mode = LoadMode::open;
}

// Of a run; the steps of a search are shorter.
void read_times(FlagReader& reader, const FlagTexts& texts, LoadSettings& settings) {
  if (settings.search) {
    settings.duration_ns = (settings.calibrates ? 1 : 3) * os::ns_per_s;
    settings.warmup_ns = settings.calibrates ? os::ns_per_s / 5 : os::ns_per_s;
  }
  if (!texts.duration.empty()) {
    settings.duration_ns = reader.duration("-d,--duration", texts.duration, os::ns_per_ms);
  }
  settings.hold_ns = reader.duration("--hold", texts.hold, 0);
  if (settings.hold_ns > 0 && (settings.search || texts.idle)) {
    reader.report("--hold", "has no meaning with --search, --calibrate or --idle");
  }
  settings.timeout_ns = reader.duration("--timeout", texts.timeout, os::ns_per_ms);
  settings.send_lag_p99_max_ns = reader.duration("--max-send-lag-p99", texts.send_lag_p99_max, 0);
}

void read_mode(FlagReader& reader, const FlagTexts& texts, LoadSettings& settings) {
  constexpr std::uint32_t pipeline_max = 65'535;
  const bool has_schedule = texts.schedule.is_given();
  if (texts.idle && has_schedule) {
    reader.report("--idle", "holds connections without traffic, so that a rate has no meaning");
  }
  if (has_schedule) settings.mode = LoadMode::open;
  if (texts.idle) settings.mode = LoadMode::idle;
  if (!texts.schedule.trace.empty()) settings.warmup_ns = 0;
  if (!texts.warmup.empty()) {
    settings.warmup_ns = reader.duration("--warmup", texts.warmup, 0);
  }
  if (settings.mode == LoadMode::idle) settings.warmup_ns = 0;
  settings.schedule = read_schedule(reader, texts.schedule, settings.connections,
                                    settings.warmup_ns, settings.duration_ns);
  settings.pipeline = settings.mode == LoadMode::open ? 0 : 1;
  if (texts.pipeline.empty()) return;
  if (settings.mode == LoadMode::idle) {
    reader.report("--pipeline", "has no meaning with --idle");
  }
  settings.pipeline =
      static_cast<std::uint32_t>(reader.whole("--pipeline", texts.pipeline, 1, pipeline_max));
}

void read_thresholds(FlagReader& reader, const FlagTexts& texts, LoadSettings& settings) {
  for (const std::string& text : texts.thresholds) {
    auto threshold = parse_threshold(text);
    if (!threshold) {
      reader.report("--threshold", threshold.error());
    } else if (threshold->subject == ThresholdSubject::send_lag &&
               settings.mode != LoadMode::open) {
      reader.report("--threshold",
                    fmt::format("'{}': only an open loop (-R) has a send lag", text));
    } else {
      settings.thresholds.push_back(*std::move(threshold));
    }
  }
}

std::optional<os::CpuSet> read_cpus(FlagReader& reader, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto cpus = os::parse_cpu_list(text);
  const auto allowed = os::allowed_cpus();
  if (!cpus) {
    reader.report("--cpus", fmt::format("'{}' is not a list of CPUs such as 0-3,8", text));
  } else if (allowed && !std::ranges::includes(*allowed, *cpus)) {
    reader.report("--cpus", fmt::format("'{}' is not within the CPUs of this process, {}", text,
                                        os::format_cpu_list(*allowed)));
  }
  return cpus;
}

LoadSettings read_settings(FlagReader& reader, const FlagTexts& texts) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max() / 4;
  LoadSettings settings;
  settings.connections =
      static_cast<std::uint32_t>(reader.whole("-c,--connections", texts.connections, 1, most));
  read_search_settings(reader, texts, settings);
  read_times(reader, texts, settings);
  settings.protocol =
      static_cast<Protocol>(reader.choice("--protocol", texts.protocol, {"echo", "ws"}));
  const bool is_websocket = settings.protocol == Protocol::ws;
  settings.websocket = read_websocket(reader, texts.websocket, is_websocket);
  const MessageSizes sizes = read_message_sizes(reader, texts.message_size, is_websocket);
  settings.message_bytes_min = sizes.bytes_min;
  settings.message_bytes = sizes.bytes_max;
  settings.seed = reader.whole("--seed", texts.seed, 0, std::numeric_limits<std::uint64_t>::max());
  settings.in_flight_max =
      static_cast<std::uint32_t>(reader.whole("--max-in-flight", texts.in_flight_max, 1, most));
  settings.connect_rate_per_s = read_connect_rate(reader, texts.connection.connect_rate);
  settings.lifetime = read_lifetime(reader, texts.connection.lifetime);
  settings.lifetime_text = texts.connection.lifetime;
  settings.until_refused = read_until_refused(reader, texts.connection, texts.idle);
  settings.unkind = read_unkind(reader, texts.unkind);
  settings.lifetime.reset_share = read_reset(reader, texts.unkind, settings.lifetime);
  if (settings.lifetime.reset_share > 0 && !is_websocket && sizes.bytes_min < 2) {
    reader.report("--reset", "needs requests of 2 bytes or more (-s): one byte has no middle");
  }
  if (settings.until_refused && texts.unkind.has_clients()) {
    reader.report("--until-refused", "cannot be together with --half-open or --slow");
  }
  if (texts.shards != "auto") {
    settings.shards = static_cast<std::uint32_t>(
        reader.whole("--shards", texts.shards, 1, std::min(settings.connections, 10'000U)));
  }
  settings.format =
      static_cast<OutputFormat>(reader.choice("--format", texts.format, {"text", "json", "csv"}));
  settings.progress = static_cast<ProgressKind>(
      reader.choice("--progress", texts.progress, {"auto", "always", "never"}));
  read_mode(reader, texts, settings);
  read_thresholds(reader, texts, settings);
  settings.cpus = read_cpus(reader, texts.cpus);
  settings.pauses = read_pauses(reader, texts.pauses);
  settings.precision =
      read_precision(reader, texts.precision, settings.mode == LoadMode::open && !settings.search,
                     settings.send_lag_p99_max_ns);
  settings.out_path = texts.out;
  settings.histograms_dir = texts.histograms;
  settings.hgrm_path = texts.hgrm;
  settings.hdr_log_path = texts.hdr_log;
  settings.strict = texts.strict;
  settings.kernel_timestamps = texts.kernel_timestamps;
  // Last, for it may ask the name service.
  if (settings.calibrates) {
    // Stands for the echo, which has no port yet.
    settings.targets = {os::Endpoint::ipv4(INADDR_LOOPBACK, 0)};
  } else {
    Targets targets = read_targets(reader, texts.target);
    settings.target_names = std::move(targets.names);
    settings.targets = std::move(targets.endpoints);
  }
  settings.calibration_path =
      texts.calibration_file.empty() ? default_calibration_path() : texts.calibration_file;
  read_metrics(reader, texts, settings);
  settings.sources = read_sources(reader, texts.connection.sources, settings.targets);
  return settings;
}

std::string version_text() {
  const os::BuildInfo build = os::build_info();
  return fmt::format("c1m-load {} ({}{}, preset {})\n", build.version, build.commit,
                     build.dirty ? ", dirty" : "", build.preset);
}

}  // namespace

std::expected<LoadSettings, NothingToRun> parse_load_flags(int argument_count,
                                                           const char* const* arguments) {
  CLI::App app(
      "Sends requests to an echo server, over TCP or WebSocket, and proves its own figures: "
      "latency from the intended send "
      "time,\nevery answer verified, every request accounted for.",
      "c1m-load");
  FlagTexts texts;
  bool version_wanted = false;
  add_traffic_flags(app, texts);
  for (const auto& [name, text, help] : connection_flags(texts.connection)) {
    app.add_option(name, *text, help);
  }
  for (const auto& [name, text, help] : unkind_flags(texts.unkind)) {
    app.add_option(name, *text, help);
  }
  app.add_flag("--until-refused", texts.connection.until_refused, until_refused_help);
  for (const auto& [name, text, help, has_value] : websocket_flags(texts.websocket)) {
    has_value ? app.add_option(name, *text, help) : app.add_flag(name, *text, help);
  }
  add_search_flags(app, texts);
  add_calibration_flags(app, texts);
  add_process_flags(app, texts);
  add_output_flags(app, texts);
  app.add_flag("--version", version_wanted, "print the version and the commit");
  app.footer(
      "Exit codes: 0 good; 1 failed; 2 wrong usage; 3 not valid (--strict); 4 a limit of the "
      "machine; 99 a threshold was not kept; 130, 143 stopped by SIGINT, SIGTERM.");
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(NothingToRun{.text = app.help()});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(NothingToRun{.text = error.what(), .is_mistake = true});
  }
  if (version_wanted) return std::unexpected(NothingToRun{.text = version_text()});
  FlagReader reader;
  LoadSettings settings = read_settings(reader, texts);
  if (reader.mistake().empty()) return settings;
  return std::unexpected(NothingToRun{.text = reader.mistake(), .is_mistake = true});
}

}  // namespace c1m::loadgen
