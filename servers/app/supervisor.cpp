// The supervisor; see supervisor.hpp.
#include "servers/app/supervisor.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "admin/admin_server.hpp"
#include "measure/server_documents.hpp"
#include "os/build_info.hpp"
#include "os/exit_code.hpp"
#include "os/file.hpp"
#include "os/poller.hpp"
#include "os/process.hpp"
#include "servers/app/admin_routes.hpp"
#include "servers/app/pause_recorder.hpp"
#include "servers/app/server_plan.hpp"
#include "servers/app/shard.hpp"
#include "servers/app/shard_group.hpp"
#include "servers/app/stats_board.hpp"
#include "servers/app/stats_recorder.hpp"

namespace c1m::servers::app {
namespace {

// What is opened before anything is started, so that a wrong path or a busy port costs nothing.
struct Outputs {
  std::optional<os::LineLog> stats_log;
  os::Descriptor admin_listener;
};

Refusal failure(std::string text) {
  return {.exit_code = os::exit_failed, .text = std::move(text)};
}

std::expected<Outputs, Refusal> open_outputs(const ServerOptions& options) {
  Outputs outputs;
  if (options.ready_file) {
    if (const auto writable = os::check_writable(*options.ready_file); !writable) {
      return std::unexpected(
          failure(fmt::format("cannot write the ready file {}: {}", *options.ready_file,
                              os::describe(writable.error()))));
    }
    // One that an earlier server could not remove would say that this one is ready.
    std::remove(options.ready_file->c_str());
  }
  if (options.pauses_file) {
    if (const auto writable = os::check_writable(*options.pauses_file); !writable) {
      return std::unexpected(
          failure(fmt::format("cannot write the pauses file {}: {}", *options.pauses_file,
                              os::describe(writable.error()))));
    }
  }
  if (options.stats_file) {
    auto log = os::LineLog::create(*options.stats_file);
    if (!log) {
      return std::unexpected(failure(fmt::format("cannot write the stats file {}: {}",
                                                 *options.stats_file, os::describe(log.error()))));
    }
    outputs.stats_log = std::move(*log);
  }
  if (options.admin) {
    auto listeners = open_listeners(*options.admin, 1, {});
    if (!listeners) return std::unexpected(failure("--admin: " + listeners.error().text));
    outputs.admin_listener = std::move(listeners->front());
  }
  return outputs;
}

measure::BackendChoices choices_of(const Backend& backend, const ServerOptions& options) {
  measure::BackendChoices choices;
  if (backend.has_pollers) choices.poller = name_of(options.poller);
  if (backend.has_coroutines) choices.stacks = name_of(backend.stacks_in_use(options.stacks));
  return choices;
}

measure::WebSocketSettingsDocument websocket_settings_of(
    const protocol::WebSocketSettings& settings) {
  constexpr double ms_per_s = 1000;
  return {.handshake_timeout_s = settings.times.handshake_ms / ms_per_s,
          .ping_interval_s = settings.times.ping_interval_ms / ms_per_s,
          .pong_timeout_s = settings.times.pong_ms / ms_per_s,
          .idle_timeout_s = settings.times.idle_ms / ms_per_s,
          .message_bytes_max = settings.message_bytes_max,
          .fragments_max = settings.fragments_max,
          .allowed_origins = settings.upgrade.allowed_origins,
          .deflate = settings.upgrade.may_deflate};
}

measure::ServerSettings settings_of(const Backend& backend, const ServerOptions& options,
                                    std::size_t shards) {
  measure::ServerSettings settings;
  settings.listen = options.listen_text;
  settings.protocol = name_of(options.protocol);
  if (options.protocol == ProtocolChoice::ws)
    settings.websocket = websocket_settings_of(options.websocket);
  settings.shards = shards;
  settings.connections = options.connections;
  if (backend.has_processors) settings.processors = options.processors;
  if (options.cpus) settings.cpus = os::format_cpu_list(*options.cpus);
  settings.stats_interval_s = static_cast<double>(options.stats_interval_ns) / os::ns_per_s;
  settings.read_buffer_bytes = options.read_buffer_bytes;
  settings.send_buffer_bytes = static_cast<std::uint64_t>(options.send_buffer_bytes);
  settings.receive_buffer_bytes = static_cast<std::uint64_t>(options.receive_buffer_bytes);
  if (backend.thread_per_connection) settings.thread_stack_bytes = options.thread_stack_bytes;
  if (backend.has_coroutines) settings.coroutine_stack_bytes = options.coroutine_stack_bytes;
  settings.choices = choices_of(backend, options);
  if (options.freeze.is_on()) {
    settings.freeze = {.idle_after_s = static_cast<double>(options.freeze.idle_ns) / os::ns_per_s,
                       .when = std::string(name_of(options.freeze.when)),
                       .above_bytes = std::nullopt};
    if (options.freeze.when == FreezeChoice::above) {
      settings.freeze.above_bytes = options.freeze.above_bytes;
    }
  }
  return settings;
}

measure::ReadyDocument ready_document(const Backend& backend, const ServerOptions& options,
                                      const ShardGroup& group,
                                      const std::optional<os::Endpoint>& admin) {
  measure::ReadyDocument document;
  document.program = backend.program;
  document.backend = backend.name;
  document.build = os::build_info();
  document.pid = ::getpid();
  document.started_utc = os::format_utc(os::realtime_ns());
  document.settings = settings_of(backend, options, group.shards().size());
  if (admin) document.admin_address = admin->to_string();
  for (const ShardGroup::Shard& shard : group.shards()) {
    measure::ReadyShard ready{.index = shard.plan.index,
                              .pid = shard.process.pid(),
                              .address = shard.plan.endpoint.to_string(),
                              .port = shard.plan.endpoint.port(),
                              .processors = document.settings.processors,
                              .cpus = std::nullopt};
    if (shard.plan.cpus) ready.cpus = os::format_cpu_list(*shard.plan.cpus);
    document.shards.push_back(std::move(ready));
  }
  return document;
}

// The ready file, which goes when the server does.
class ReadyFile {
 public:
  static os::Result<ReadyFile> write(const std::string& path,
                                     const measure::ReadyDocument& document) {
    if (const auto written = os::write_file_atomically(path, measure::to_json(document));
        !written) {
      return std::unexpected(written.error());
    }
    return ReadyFile(path);
  }
  ReadyFile(ReadyFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ReadyFile& operator=(ReadyFile&&) = delete;
  ReadyFile(const ReadyFile&) = delete;
  ReadyFile& operator=(const ReadyFile&) = delete;
  ~ReadyFile() {
    if (!path_.empty()) std::remove(path_.c_str());
  }

 private:
  explicit ReadyFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Closing a connection takes some microseconds of kernel time, and two hosts' worth may share two
// cores.
os::Nanoseconds stop_bound_ns(const ServerOptions& options) {
  constexpr std::uint64_t closed_per_s = 50'000;
  return static_cast<os::Nanoseconds>(10 + options.connections / closed_per_s) * os::ns_per_s;
}

class Supervisor {
 public:
  Supervisor(const Backend& backend, const ServerOptions& options, ShardGroup& group,
             const os::Descriptor& signals, std::optional<ReadyFile> ready_file,
             std::optional<os::LineLog> stats_log, StatsBoard& board,
             std::optional<PauseRecorder> pauses)
      : backend_(backend),
        options_(options),
        group_(group),
        signals_(signals),
        ready_file_(std::move(ready_file)),
        recorder_(group, std::move(stats_log), board, choices_of(backend, options)),
        board_(board),
        pauses_(std::move(pauses)) {}

  // Samples until a signal, the end of a shard, or a failure; then stops the shards. Returns the
  // exit code.
  int run() {
    const int exit_code = watch();
    ready_file_.reset();
    record();
    board_.report_trouble("the server is stopping");
    if (pauses_) pauses_->stop();
    const auto troubles = group_.stop(signals_.get(), stop_bound_ns(options_));
    for (const std::string& trouble : troubles) say(trouble);
    return write_pauses() ? exit_code : os::exit_failed;
  }

 private:
  static constexpr std::uint64_t signal_tag = ~0ULL;
  static constexpr std::uint64_t timer_tag = signal_tag - 1;

  int watch() {
    auto poller = os::Poller::create();
    if (!poller) return fail(poller.error());
    const auto timer = os::interval_timer(options_.stats_interval_ns);
    if (!timer) return fail(timer.error());
    auto added = poller->add(signals_.get(), EPOLLIN, signal_tag);
    if (added) added = poller->add(timer->get(), EPOLLIN, timer_tag);
    for (const ShardGroup::Shard& shard : group_.shards()) {
      if (added) added = poller->add(shard.process.pidfd(), EPOLLIN, shard.plan.index);
    }
    if (!added) return fail(added.error());
    if (!record()) return os::exit_failed;
    while (true) {
      std::array<epoll_event, 16> events{};
      const auto ready = poller->wait(events, -1);
      if (!ready) return fail(ready.error());
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
        if (const auto exit_code = handle(event.data.u64, timer->get())) return *exit_code;
      }
    }
  }

  // The exit code when the event ends the server.
  std::optional<int> handle(std::uint64_t tag, int timer) {
    // Asked first for a shard's end, too: a signal to the whole process group ends shards at the
    // same time.
    if (const auto number = os::read_signal(signals_.get())) return os::exit_signal_base + *number;
    if (tag == signal_tag) return std::nullopt;
    if (tag == timer_tag) {
      (void)os::read_timer(timer);
      return record() ? std::nullopt : std::optional<int>(os::exit_failed);
    }
    const std::string end = group_.reap(static_cast<unsigned>(tag));
    board_.report_trouble(end);
    say(end + "; the server stops");
    return os::exit_failed;
  }

  // Says once that the stats file cannot be written; a server whose figures are lost is of no use,
  // so it ends.
  bool record() {
    if (log_failed_) return false;
    const auto recorded = recorder_.record(group_);
    if (recorded) return true;
    log_failed_ = true;
    say(fmt::format("cannot write the stats file {}: {}", options_.stats_file.value_or(""),
                    os::describe(recorded.error())));
    return false;
  }

  bool write_pauses() {
    if (!pauses_) return true;
    const auto written = pauses_->write(backend_, options_, group_);
    if (!written) {
      say(fmt::format("cannot write the pauses file {}: {}", options_.pauses_file.value_or(""),
                      os::describe(written.error())));
    }
    return written.has_value();
  }

  int fail(const os::Error& error) {
    say(os::describe(error));
    return os::exit_failed;
  }

  void say(const std::string& sentence) const {
    fmt::print(stderr, "{}: {}\n", backend_.program, sentence);
  }

  const Backend& backend_;
  const ServerOptions& options_;
  ShardGroup& group_;
  const os::Descriptor& signals_;
  std::optional<ReadyFile> ready_file_;
  StatsRecorder recorder_;
  StatsBoard& board_;
  std::optional<PauseRecorder> pauses_;
  bool log_failed_ = false;
};

int refuse(const Backend& backend, const Refusal& refusal) {
  fmt::print(stderr, "{}: {}\n", backend.program, refusal.text);
  return refusal.exit_code;
}

void announce(const Backend& backend, const ServerOptions& options, const ShardGroup& group) {
  const auto& shards = group.shards();
  if (backend.has_coroutines && backend.stacks_in_use(options.stacks) != options.stacks) {
    fmt::print(stderr, "{}: stacks cannot be shared in this build; every coroutine has its own\n",
               backend.program);
  }
  if (options.freeze.is_on() && !backend.has_compact_stacks) {
    fmt::print(stderr,
               "{}: stacks cannot be frozen in this build; --freeze-idle-after has no "
               "effect\n",
               backend.program);
  }
  fmt::print(stderr, "{}: {} listening, from {} to {}\n", backend.program,
             shards.size() == 1 ? "1 shard is" : fmt::format("{} shards are", shards.size()),
             shards.front().plan.endpoint.to_string(), shards.back().plan.endpoint.to_string());
}

}  // namespace

int supervise(const Backend& backend, const ServerOptions& options) {
  const auto limits = claim_machine_limits();
  if (!limits) return refuse(backend, failure(os::describe(limits.error())));
  auto plans = plan_shards(backend, options, *limits);
  if (!plans) return refuse(backend, plans.error());
  auto outputs = open_outputs(options);
  if (!outputs) return refuse(backend, outputs.error());
  auto signals = os::signal_descriptor({SIGINT, SIGTERM});
  if (!signals) return refuse(backend, failure(os::describe(signals.error())));

  auto group = ShardGroup::start(backend, options, std::move(*plans), signals->get());
  if (!group) return refuse(backend, group.error());

  // Beyond this point nothing is forked, so there may be threads.
  StatsBoard board;
  std::optional<os::Endpoint> admin_endpoint;
  std::optional<admin::AdminServer> admin_server;
  if (outputs->admin_listener.is_open()) {
    const auto local = os::local_endpoint(outputs->admin_listener.get());
    if (local) admin_endpoint = *local;
    auto started = admin::AdminServer::start(
        std::move(outputs->admin_listener), [&](std::string_view method, std::string_view target) {
          return answer_admin_request(method, target, board.state(), backend.name);
        });
    if (!started) return refuse(backend, failure("--admin: " + os::describe(started.error())));
    admin_server.emplace(std::move(*started));
  }
  std::optional<PauseRecorder> pauses;
  if (options.pauses_file) {
    auto started = PauseRecorder::start(options);
    if (!started) return refuse(backend, failure("--pauses: " + os::describe(started.error())));
    pauses.emplace(*std::move(started));
  }
  std::optional<ReadyFile> ready_file;
  if (options.ready_file) {
    auto written = ReadyFile::write(*options.ready_file,
                                    ready_document(backend, options, *group, admin_endpoint));
    if (!written) {
      return refuse(backend,
                    failure(fmt::format("cannot write the ready file {}: {}", *options.ready_file,
                                        os::describe(written.error()))));
    }
    ready_file.emplace(std::move(*written));
  }
  announce(backend, options, *group);
  return Supervisor(backend, options, *group, *signals, std::move(ready_file),
                    std::move(outputs->stats_log), board, std::move(pauses))
      .run();
}

}  // namespace c1m::servers::app
