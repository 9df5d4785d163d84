// CLI11 splits the command line into texts; this file gives the texts their meaning. So every error
// has the same form, whichever flag it is about.
#include "servers/app/server_flags.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "os/build_info.hpp"
#include "os/exit_code.hpp"
#include "os/quantity.hpp"
#include "os/thread.hpp"

namespace c1m::servers::app {
namespace {

constexpr std::uint32_t shards_max = 4096;
constexpr std::uint64_t connections_max = 100'000'000;
constexpr unsigned processors_max = 256;
constexpr std::uint64_t read_buffer_bytes_min = 64;
constexpr std::uint64_t read_buffer_bytes_max = 16 << 20;
constexpr std::uint64_t stack_bytes_max = 1ULL << 30;
constexpr std::uint64_t coroutine_stack_bytes_min = 16 * 1024;
constexpr os::Nanoseconds stats_interval_ns_min = 10 * os::ns_per_ms;
constexpr os::Nanoseconds stats_interval_ns_max = 3600 * os::ns_per_s;

// The flags as given, with their defaults.
struct FlagTexts {
  std::string listen;
  std::string protocol = "echo";
  std::string shards = "1";
  std::string connections = "10000";
  std::string processors = "1";
  std::string cpus;
  std::string ready_file;
  std::string stats_file;
  std::string stats_interval = "1s";
  std::string admin;
  std::string pauses;
  std::string pause_threshold;
  std::string read_buffer = "4096";
  std::string send_buffer = "0";
  std::string receive_buffer = "0";
  std::string thread_stack = "64KiB";
  std::string coroutine_stack = "64KiB";
  std::string poller = "epoll";
  std::string stacks = "dedicated";
  std::string freeze_idle_after;
  std::string freeze_when;
  std::string handshake_timeout = "10s";
  std::string ping_interval = "30s";
  std::string pong_timeout = "5s";
  std::string idle_timeout = "0s";
  std::string max_message = "16MiB";
  std::string max_fragments = "65537";
  std::string allowed_origin;
  bool deflate = false;
};

CLI::Option* add_flag(CLI::App& app, const char* name, std::string& text, const char* type,
                      const char* help) {
  CLI::Option* option = app.add_option(name, text, help)->type_name(type);
  if (!text.empty()) option->default_str(text);
  return option;
}

// Without effect on echo.
void declare_websocket(CLI::App& app, FlagTexts& texts) {
  const auto flag = [&app](const char* name, std::string& text, const char* type,
                           const char* help) { add_flag(app, name, text, type, help); };
  flag("--handshake-timeout", texts.handshake_timeout, "TIME",
       "ws: close a connection whose handshake takes longer in all");
  flag("--ping-interval", texts.ping_interval, "TIME", "ws: ping each client so often; 0s: never");
  flag("--pong-timeout", texts.pong_timeout, "TIME",
       "ws: a ping with nothing from the client for so long is a miss; the second in a row closes");
  flag("--idle-timeout", texts.idle_timeout, "TIME",
       "ws: close a client that sends no message for so long; 0s: never");
  flag("--max-message", texts.max_message, "SIZE",
       "ws: the largest message, also after decompression; larger ones close with 1009");
  flag("--max-fragments", texts.max_fragments, "N",
       "ws: fragments of a message at most; more close with 1008");
  flag("--allowed-origin", texts.allowed_origin, "ORIGIN,..",
       "ws: browsers' origins that may connect; without it all may");
  app.add_flag("--deflate", texts.deflate, "ws: agree to permessage-deflate when it is offered");
}

void declare(CLI::App& app, const Backend& backend, FlagTexts& texts) {
  const auto flag = [&app](const char* name, std::string& text, const char* type,
                           const char* help) { return add_flag(app, name, text, type, help); };
  flag("--listen", texts.listen, "HOST:PORT",
       "Where to listen; shard i takes PORT + i, and port 0 lets the kernel choose")
      ->required();
  flag("--protocol", texts.protocol, "NAME",
       "What the server speaks: echo, or ws, WebSocket that echoes messages");
  flag("--shards", texts.shards, "N|auto",
       "Processes to serve with; auto: as few as --connections needs");
  flag("--connections", texts.connections, "N", "Connections to be sized for");
  flag("--processors", texts.processors, "N",
       backend.has_processors
           ? "Workers in a shard, each with its own thread"
           : "Ignored: this server has a thread for each connection instead of workers");
  flag("--cpus", texts.cpus, "LIST",
       "CPUs that shards may run on, as in 0-3,8; divided among the shards");
  flag("--ready-file", texts.ready_file, "FILE",
       "Write ports, pids and settings here once every shard listens");
  flag("--stats-file", texts.stats_file, "FILE", "Write a line of figures here each interval");
  flag("--stats-interval", texts.stats_interval, "TIME", "How often to sample the shards");
  flag("--admin", texts.admin, "HOST:PORT", "Serve /healthz, /stats and /metrics here");
  flag("--pauses", texts.pauses, "FILE",
       "At the end, write here when workers, the runtime or the CPUs stood still");
  flag("--pause-threshold", texts.pause_threshold, "TIME",
       "Of --pauses: the shortest stall that is kept; every one of twice as long is found [1ms]");
  flag("--read-buffer", texts.read_buffer, "SIZE",
       "Bytes to read from a connection at most in one call");
  flag("--send-buffer", texts.send_buffer, "SIZE",
       "SO_SNDBUF; 0 leaves the kernel's autotuning on");
  flag("--receive-buffer", texts.receive_buffer, "SIZE",
       "SO_RCVBUF; 0 leaves the kernel's autotuning on");
  if (backend.thread_per_connection) {
    flag("--thread-stack", texts.thread_stack, "SIZE", "Stack of a connection's thread");
  }
  if (backend.has_coroutines) {
    flag("--coroutine-stack", texts.coroutine_stack, "SIZE",
         "Address space of a connection's stack");
    flag("--stacks", texts.stacks, "NAME",
         "Where waiting connections' frames are: dedicated, a stack each, or compact, copied out "
         "of stacks that they share");
    flag("--freeze-idle-after", texts.freeze_idle_after, "TIME",
         "With dedicated stacks: copy the frames of a connection that has waited so long to the "
         "heap and give its stack's memory back; thawed when it is needed. Without it never");
    flag("--freeze-when", texts.freeze_when, "NAME|SIZE",
         "Freeze only while memory is short (pressure: tasks wait for it, or less than a tenth is "
         "available), while a shard has more resident than SIZE divided by the shards, or always "
         "[pressure]");
  }
  if (backend.has_pollers) {
    flag("--poller", texts.poller, "NAME", "How sockets are waited for: epoll or io_uring");
  }
  declare_websocket(app, texts);
}

// Collects the first error; the conversions below return their flag's value, or anything after an
// error.
class FlagReader {
 public:
  [[nodiscard]] const std::string& error() const { return error_; }

  std::uint64_t count(const char* flag, const std::string& text, std::uint64_t min,
                      std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_number = code != std::errc::invalid_argument && end == text.data() + text.size();
    if (!is_number) return refuse(flag, fmt::format("'{}' is not a whole number", text));
    if (code != std::errc{} || value < min || value > max)
      return out_of_range(flag, text, min, max);
    return value;
  }

  std::uint64_t size(const char* flag, const std::string& text, std::uint64_t min,
                     std::uint64_t max) {
    const auto value = os::parse_size(text);
    if (!value) return refuse(flag, value.error());
    if (*value < min || *value > max) return out_of_range(flag, text, min, max);
    return *value;
  }

  os::Nanoseconds duration(const char* flag, const std::string& text, os::Nanoseconds min,
                           os::Nanoseconds max) {
    const auto value = os::parse_duration(text);
    if (!value) {
      refuse(flag, value.error());
      return min;
    }
    if (*value < min || *value > max) {
      refuse(flag, fmt::format("'{}' is out of range: {} ms to {} s", text, min / os::ns_per_ms,
                               max / os::ns_per_s));
    }
    return *value;
  }

  os::Endpoint endpoint(const char* flag, const std::string& text) {
    const auto value = os::parse_endpoint(text);
    if (value) return *value;
    refuse(flag, value.error());
    return {};
  }

  std::optional<os::CpuSet> cpus(const char* flag, const std::string& text) {
    if (text.empty()) return std::nullopt;
    auto value = os::parse_cpu_list(text);
    if (!value) refuse(flag, fmt::format("'{}' is not a list of CPUs (for example 0-3,8)", text));
    return value;
  }

  std::uint64_t refuse(const char* flag, const std::string& why) {
    if (error_.empty()) error_ = fmt::format("{}: {}", flag, why);
    return 0;
  }

 private:
  std::uint64_t out_of_range(const char* flag, const std::string& text, std::uint64_t min,
                             std::uint64_t max) {
    return refuse(flag, fmt::format("'{}' is out of range: {} to {}", text, min, max));
  }

  std::string error_;
};

std::optional<std::string> path(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

protocol::WebSocketSettings interpret_websocket(const FlagTexts& texts, FlagReader& read) {
  constexpr os::Nanoseconds time_ns_max = 24 * 3600 * os::ns_per_s;
  // What zlib's counters hold with room to spare.
  constexpr std::uint64_t message_bytes_max = 1ULL << 30;
  const auto time_ms = [&read](const char* flag, const std::string& text, os::Nanoseconds min_ns) {
    return static_cast<protocol::Milliseconds>(read.duration(flag, text, min_ns, time_ns_max) /
                                               os::ns_per_ms);
  };
  protocol::WebSocketSettings settings;
  protocol::TimeLimits& times = settings.times;
  times.handshake_ms = time_ms("--handshake-timeout", texts.handshake_timeout, os::ns_per_ms);
  times.ping_interval_ms = time_ms("--ping-interval", texts.ping_interval, 0);
  times.pong_ms = time_ms("--pong-timeout", texts.pong_timeout, os::ns_per_ms);
  times.idle_ms = time_ms("--idle-timeout", texts.idle_timeout, 0);
  if (times.ping_interval_ms > 0 && times.pong_ms > times.ping_interval_ms) {
    read.refuse("--pong-timeout", fmt::format("'{}' is longer than --ping-interval {}",
                                              texts.pong_timeout, texts.ping_interval));
  }
  settings.message_bytes_max = read.size("--max-message", texts.max_message, 1, message_bytes_max);
  settings.fragments_max = static_cast<std::uint32_t>(read.count(
      "--max-fragments", texts.max_fragments, 1, std::numeric_limits<std::uint32_t>::max()));
  settings.upgrade.allowed_origins = split_at_commas(texts.allowed_origin);
  settings.upgrade.may_deflate = texts.deflate;
  return settings;
}

void interpret_pauses(const FlagTexts& texts, FlagReader& read, ServerOptions& options) {
  options.pauses_file = path(texts.pauses);
  if (texts.pause_threshold.empty()) return;
  if (!options.pauses_file) read.refuse("--pause-threshold", "has no meaning without --pauses");
  options.pause_tick_ns =
      read.duration("--pause-threshold", texts.pause_threshold, os::ns_per_ms, os::ns_per_s);
}

void interpret_freezing(const FlagTexts& texts, FlagReader& read, ServerOptions& options) {
  constexpr const char* when_flag = "--freeze-when";
  constexpr os::Nanoseconds idle_ns_min = 100 * os::ns_per_ms;
  constexpr os::Nanoseconds idle_ns_max = 24 * 3600 * os::ns_per_s;
  FreezeSettings& freeze = options.freeze;
  if (texts.freeze_idle_after.empty()) {
    if (!texts.freeze_when.empty()) {
      read.refuse(when_flag, "has no meaning without --freeze-idle-after");
    }
    return;
  }
  if (options.stacks == StackChoice::compact) {
    read.refuse("--freeze-idle-after",
                "is for --stacks dedicated; compact stacks keep no frames of idle connections");
  }
  freeze.idle_ns =
      read.duration("--freeze-idle-after", texts.freeze_idle_after, idle_ns_min, idle_ns_max);
  if (texts.freeze_when == name_of(FreezeChoice::always)) {
    freeze.when = FreezeChoice::always;
  } else if (!texts.freeze_when.empty() && texts.freeze_when != name_of(FreezeChoice::pressure)) {
    if (!os::parse_size(texts.freeze_when)) {
      read.refuse(when_flag, fmt::format("'{}' is neither pressure nor always nor a size such as "
                                         "2GiB",
                                         texts.freeze_when));
      return;
    }
    freeze.when = FreezeChoice::above;
    freeze.above_bytes = read.size(when_flag, texts.freeze_when, freeze_above_bytes_min,
                                   std::numeric_limits<std::uint64_t>::max());
  }
}

std::expected<ServerOptions, std::string> interpret(const FlagTexts& texts) {
  constexpr int int_max = std::numeric_limits<int>::max();
  FlagReader read;
  ServerOptions options;
  options.listen_text = texts.listen;
  options.listen = read.endpoint("--listen", texts.listen);
  if (texts.protocol == name_of(ProtocolChoice::ws)) {
    options.protocol = ProtocolChoice::ws;
  } else if (texts.protocol != name_of(ProtocolChoice::echo)) {
    read.refuse("--protocol",
                fmt::format("'{}' is not spoken here; allowed: echo, ws", texts.protocol));
  }
  options.websocket = interpret_websocket(texts, read);
  options.shards.reset();
  if (texts.shards != "auto") {
    options.shards =
        static_cast<std::uint32_t>(read.count("--shards", texts.shards, 1, shards_max));
  }
  options.connections = read.count("--connections", texts.connections, 1, connections_max);
  options.processors =
      static_cast<unsigned>(read.count("--processors", texts.processors, 1, processors_max));
  options.cpus = read.cpus("--cpus", texts.cpus);
  options.ready_file = path(texts.ready_file);
  options.stats_file = path(texts.stats_file);
  options.stats_interval_ns = read.duration("--stats-interval", texts.stats_interval,
                                            stats_interval_ns_min, stats_interval_ns_max);
  interpret_pauses(texts, read, options);
  if (!texts.admin.empty()) options.admin = read.endpoint("--admin", texts.admin);
  options.read_buffer_bytes =
      read.size("--read-buffer", texts.read_buffer, read_buffer_bytes_min, read_buffer_bytes_max);
  options.send_buffer_bytes =
      static_cast<int>(read.size("--send-buffer", texts.send_buffer, 0, int_max));
  options.receive_buffer_bytes =
      static_cast<int>(read.size("--receive-buffer", texts.receive_buffer, 0, int_max));
  options.thread_stack_bytes = read.size("--thread-stack", texts.thread_stack,
                                         os::thread_stack_bytes_min(), stack_bytes_max);
  options.coroutine_stack_bytes = read.size("--coroutine-stack", texts.coroutine_stack,
                                            coroutine_stack_bytes_min, stack_bytes_max);
  if (texts.poller == name_of(PollerChoice::io_uring)) {
    options.poller = PollerChoice::io_uring;
  } else if (texts.poller != name_of(PollerChoice::epoll)) {
    read.refuse("--poller",
                fmt::format("'{}' is no poller; allowed: epoll, io_uring", texts.poller));
  }
  if (texts.stacks == name_of(StackChoice::compact)) {
    options.stacks = StackChoice::compact;
  } else if (texts.stacks != name_of(StackChoice::dedicated)) {
    read.refuse("--stacks", fmt::format("'{}' is no kind of stacks; allowed: dedicated, compact",
                                        texts.stacks));
  }
  interpret_freezing(texts, read, options);
  if (!read.error().empty()) return std::unexpected(read.error());
  return options;
}

EarlyExit usage_error(const Backend& backend, std::string_view sentence) {
  return {.exit_code = os::exit_wrong_usage,
          .text = fmt::format("{}: {} ({} --help lists the flags)\n", backend.program, sentence,
                              backend.program)};
}

}  // namespace

std::expected<ServerOptions, EarlyExit> parse_server_flags(const Backend& backend, int argc,
                                                           const char* const* argv) {
  CLI::App app{std::string(backend.summary), std::string(backend.program)};
  FlagTexts texts;
  declare(app, backend, texts);
  const os::BuildInfo build = os::build_info();
  app.set_version_flag("--version",
                       fmt::format("{} {} (commit {}{}, preset {})", backend.program, build.version,
                                   build.commit, build.dirty ? ", changed" : "", build.preset));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(EarlyExit{.exit_code = os::exit_good, .text = app.help()});
  } catch (const CLI::CallForVersion&) {
    return std::unexpected(EarlyExit{.exit_code = os::exit_good, .text = app.version() + "\n"});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(usage_error(backend, error.what()));
  }
  auto options = interpret(texts);
  if (!options) return std::unexpected(usage_error(backend, options.error()));
  return *options;
}

}  // namespace c1m::servers::app
