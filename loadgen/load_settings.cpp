// Settings as the document shows them; see load_settings.hpp.
#include "loadgen/load_settings.hpp"

namespace c1m::loadgen {
namespace {

double to_s(os::Nanoseconds ns) {
  return static_cast<double>(ns) / static_cast<double>(os::ns_per_s);
}
double to_us(os::Nanoseconds ns) {
  return static_cast<double>(ns) / static_cast<double>(os::ns_per_us);
}

measure::SettingValue cpus_of(const LoadSettings& settings) {
  if (!settings.cpus) return std::monostate{};
  return os::format_cpu_list(*settings.cpus);
}

// The mean over the window.
measure::SettingValue rate_of(const LoadSettings& settings) {
  if (settings.mode != LoadMode::open) return std::monostate{};
  const double before = settings.schedule.expected_arrivals(settings.warmup_ns);
  const double all = settings.schedule.expected_arrivals(settings.warmup_ns + settings.duration_ns);
  return (all - before) / to_s(settings.duration_ns);
}

measure::SettingValue arrival_of(const LoadSettings& settings) {
  if (settings.mode != LoadMode::open) return std::monostate{};
  switch (settings.schedule.process) {
    case ArrivalProcess::poisson:
      return "poisson";
    case ArrivalProcess::uniform:
      return "uniform";
    case ArrivalProcess::trace:
      return "trace";
  }
  return std::monostate{};
}

// Of a setting that only WebSocket has.
template <class T>
measure::SettingValue websocket_value(const LoadSettings& settings, T value) {
  if (settings.protocol != Protocol::ws) return std::monostate{};
  return value;
}

measure::SettingValue lifetime_of(const LoadSettings& settings) {
  if (settings.lifetime.is_endless()) return std::monostate{};
  return settings.lifetime_text;
}

measure::SettingValue slow_rate_of(const LoadSettings& settings) {
  if (settings.unkind.slow == 0) return std::monostate{};
  return 1 / to_s(settings.unkind.byte_interval_ns);
}

measure::SettingValue open_loop_text(const LoadSettings& settings, const std::string& text) {
  if (settings.mode != LoadMode::open) return std::monostate{};
  return text;
}

}  // namespace

const char* name_of(LoadMode mode) {
  switch (mode) {
    case LoadMode::open:
      return "open";
    case LoadMode::closed:
      return "closed";
    case LoadMode::idle:
      return "idle";
  }
  return "unknown";
}

const char* name_of(Protocol protocol) {
  return protocol == Protocol::ws ? "ws" : "echo";
}

measure::Settings describe_settings(const LoadSettings& settings, std::uint32_t shards,
                                    const std::vector<AddressRange>& sources) {
  std::vector<std::string> source_texts;
  source_texts.reserve(sources.size());
  for (const AddressRange& range : sources) source_texts.push_back(to_string(range));
  std::vector<std::string> threshold_texts;
  threshold_texts.reserve(settings.thresholds.size());
  for (const Threshold& threshold : settings.thresholds) threshold_texts.push_back(threshold.text);
  return {
      {"targets", settings.target_names},
      {"connections", std::uint64_t{settings.connections}},
      {"rate_rps", rate_of(settings)},
      {"rate_pattern", open_loop_text(settings, settings.schedule.rate_text)},
      {"arrival", arrival_of(settings)},
      {"connection_choice", open_loop_text(settings, settings.schedule.choice_text)},
      {"pipeline", std::uint64_t{settings.pipeline}},  // 0: no limit
      {"message_bytes", std::uint64_t{settings.message_bytes}},
      {"message_bytes_min", std::uint64_t{settings.message_bytes_min}},
      {"hold_s", to_s(settings.hold_ns)},
      {"warmup_s", to_s(settings.warmup_ns)},
      {"duration_s", to_s(settings.duration_ns)},
      {"timeout_s", to_s(settings.timeout_ns)},
      {"seed", settings.seed},
      {"shards", std::uint64_t{shards}},
      {"cpus", cpus_of(settings)},
      {"connect_rate_per_s", settings.connect_rate_per_s},
      {"until_refused", settings.until_refused},
      {"lifetime", lifetime_of(settings)},  // null: to the end
      {"reset_share", settings.lifetime.reset_share},
      {"half_open", std::uint64_t{settings.unkind.half_open}},
      {"slow", std::uint64_t{settings.unkind.slow}},
      {"slow_bytes_per_s", slow_rate_of(settings)},
      {"sources", source_texts},  // empty: the kernel's choice
      {"in_flight_max", std::uint64_t{settings.in_flight_max}},
      {"spin_us", to_us(settings.precision.spin_ns)},
      {"send_slack_us", to_us(settings.precision.slack_ns)},
      {"send_lag_p99_max_us", to_us(settings.send_lag_p99_max_ns)},
      {"kernel_timestamps", settings.kernel_timestamps},
      {"strict", settings.strict},
      {"ws_opcode", websocket_value(settings, std::string(name_of(settings.websocket.kind)))},
      {"ws_fragment_bytes",  // 0: whole messages
       websocket_value(settings, std::uint64_t{settings.websocket.fragment_bytes})},
      {"ws_ping_interval_s",  // 0: no pings
       websocket_value(settings, to_s(settings.websocket.ping_interval_ns))},
      {"ws_path", websocket_value(settings, settings.websocket.path)},
      {"ws_payload", websocket_value(settings, std::string(name_of(settings.websocket.content)))},
      {"ws_deflate", websocket_value(settings, settings.websocket.deflate)},
      {"thresholds", threshold_texts},
  };
}

}  // namespace c1m::loadgen
