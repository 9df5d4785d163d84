// The phases of a run; see load_run.hpp.
#include "loadgen/load_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/admin_server.hpp"
#include "loadgen/generator_floor.hpp"
#include "loadgen/live_board.hpp"
#include "loadgen/load_metrics.hpp"
#include "loadgen/load_progress.hpp"
#include "loadgen/shard_fleet.hpp"
#include "measure/platform_meter.hpp"
#include "os/cpu_set.hpp"
#include "os/exit_code.hpp"
#include "os/poller.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"

namespace c1m::loadgen {
namespace {

// Between the decision to start and the start: time for every shard to hear of it.
constexpr os::Nanoseconds start_lead_ns = 50 * os::ns_per_ms;
// Likewise for a stop, so that all shards end their windows at the same time.
constexpr os::Nanoseconds stop_lead_ns = 20 * os::ns_per_ms;
// A stopped run waits this long for what is in flight.
constexpr os::Nanoseconds stopped_drain_ns = os::ns_per_s;
// Some 20 ms of round trips.
constexpr std::uint32_t floor_exchanges = 1'000;
constexpr os::Nanoseconds tick_ns = 100 * os::ns_per_ms;
// A healthy shard turns once a second at least; a machine may stand still for a few.
constexpr os::Nanoseconds stuck_ns = 10 * os::ns_per_s;

class LoadRun {
 public:
  // `board` may be null.
  LoadRun(const LoadSettings& settings, ShardFleet& fleet, os::Poller& poller, int signal_fd,
          LiveBoard* board)
      : settings_(settings),
        fleet_(fleet),
        poller_(poller),
        signal_fd_(signal_fd),
        board_(board),
        progress_(settings) {}

  RunOutcome run();

 private:
  void await_connections();
  void start();
  void await_window();
  void await_results();

  void turn(os::Nanoseconds deadline_ns);
  void show(os::Nanoseconds now_ns);
  void take_signal();
  void stop(const std::string& reason);
  void notice_deaths();
  void explain_failed_connects();
  [[nodiscard]] bool is_stopped() const { return outcome_.stopped_by.has_value(); }

  const LoadSettings& settings_;
  ShardFleet& fleet_;
  os::Poller& poller_;
  int signal_fd_;
  LiveBoard* board_;
  os::Nanoseconds published_ns_ = 0;
  LoadProgress progress_;
  RunOutcome outcome_;
  std::array<epoll_event, 64> events_{};
};

RunOutcome LoadRun::run() {
  outcome_.started_utc = os::format_utc(os::realtime_ns());
  outcome_.host.run_start = measure::read_kernel_counters();
  await_connections();
  outcome_.host.connected = measure::read_kernel_counters();
  if (!is_stopped()) start();
  if (!is_stopped()) await_window();
  await_results();
  outcome_.shards = fleet_.identities();
  outcome_.results = fleet_.take_results();
  outcome_.shards_died = fleet_.deaths().size();
  for (const std::string& death : fleet_.deaths()) outcome_.failures.push_back(death);
  explain_failed_connects();
  progress_.finish();
  return std::move(outcome_);
}

void LoadRun::await_connections() {
  progress_.enter("connecting");
  while (!is_stopped() && fleet_.status().slowest < ShardPhase::ready) {
    turn(os::monotonic_ns() + tick_ns);
    if (fleet_.status().connects_failed == 0) continue;
    // One refusal ends the run, or the ramp, so the other shards need not go on.
    if (!settings_.until_refused) break;
    if (!fleet_.control().stop_connecting.exchange(true)) fleet_.wake();
  }
  const FleetStatus status = fleet_.status();
  const bool has_some = settings_.until_refused && status.established > 0;
  if (!is_stopped() && status.connects_failed > 0 && !has_some) stop("connect failed");
}

void LoadRun::start() {
  const os::Nanoseconds start_ns = os::monotonic_ns() + start_lead_ns;
  const os::Nanoseconds warmup_ns = start_ns + settings_.hold_ns;
  outcome_.window.start_ns = warmup_ns + settings_.warmup_ns;
  outcome_.window.end_ns = outcome_.window.start_ns + settings_.duration_ns;
  fleet_.control().start_ns.store(start_ns, std::memory_order_relaxed);
  fleet_.wake();
  progress_.enter("holding");
  while (!is_stopped() && os::monotonic_ns() < warmup_ns) turn(warmup_ns);
  progress_.enter("warm-up");
  while (!is_stopped() && os::monotonic_ns() < outcome_.window.start_ns) {
    turn(outcome_.window.start_ns);
  }
  outcome_.host.window_start = measure::read_kernel_counters();
}

void LoadRun::await_window() {
  outcome_.window_reached = true;
  progress_.enter_window(outcome_.window);
  while (!is_stopped() && os::monotonic_ns() < outcome_.window.end_ns) {
    turn(outcome_.window.end_ns);
  }
  outcome_.host.window_end = measure::read_kernel_counters();
}

void LoadRun::await_results() {
  progress_.enter(settings_.mode == LoadMode::idle ? "proving" : "draining");
  while (!fleet_.all_ended()) {
    const bool is_drained = fleet_.status().slowest >= ShardPhase::drained;
    RunControl& control = fleet_.control();
    if (is_drained && !control.report.load(std::memory_order_relaxed)) {
      control.report.store(true, std::memory_order_relaxed);
      fleet_.wake();
    }
    turn(os::monotonic_ns() + tick_ns);
  }
}

void LoadRun::turn(os::Nanoseconds deadline_ns) {
  const os::Nanoseconds wait_ns = std::min(deadline_ns - os::monotonic_ns(), tick_ns);
  const auto ready = poller_.wait(events_, std::max<os::Nanoseconds>(wait_ns, 0));
  const auto count = static_cast<std::size_t>(ready.value_or(0));
  for (std::size_t at = 0; at < count; ++at) {
    const std::uint64_t tag = events_[at].data.u64;
    if (tag < fleet_.tag_limit()) {
      fleet_.handle(tag);
    } else {
      take_signal();
    }
  }
  const os::Nanoseconds now_ns = os::monotonic_ns();
  fleet_.kill_stuck(now_ns, stuck_ns);
  notice_deaths();
  show(now_ns);
}

void LoadRun::show(os::Nanoseconds now_ns) {
  const bool is_for_board = board_ != nullptr && now_ns - published_ns_ >= tick_ns;
  if (!is_for_board && !progress_.is_due(now_ns)) return;
  LiveFigures live = fleet_.live();
  live.phase = progress_.phase();
  live.connections_planned = settings_.connections;
  if (progress_.is_due(now_ns)) progress_.show(now_ns, live);
  if (!is_for_board) return;
  board_->publish(live);
  published_ns_ = now_ns;
}

void LoadRun::take_signal() {
  const auto number = os::read_signal(signal_fd_);
  if (!number) return;
  if (outcome_.signal_number != 0) {
    // The shards die with this process (os::fork_child), but not before it.
    fleet_.kill_all();
    ::_exit(os::exit_signal_base + *number);
  }
  outcome_.signal_number = *number;
  stop(*number == SIGINT ? "SIGINT" : "SIGTERM");
}

// Ends the plan for all shards at one moment a little ahead. The first reason counts.
void LoadRun::stop(const std::string& reason) {
  if (is_stopped()) return;
  outcome_.stopped_by = reason;
  const os::Nanoseconds stop_ns = os::monotonic_ns() + stop_lead_ns;
  const os::Nanoseconds drain_ns = std::min(settings_.timeout_ns, stopped_drain_ns);
  outcome_.window.end_ns = std::clamp(stop_ns, outcome_.window.start_ns,
                                      std::max(outcome_.window.start_ns, outcome_.window.end_ns));
  fleet_.control().drain_ns.store(drain_ns, std::memory_order_relaxed);
  fleet_.control().stop_ns.store(stop_ns, std::memory_order_relaxed);
  fleet_.wake();
}

void LoadRun::notice_deaths() {
  if (!fleet_.deaths().empty()) stop("shard died");
  const FleetStatus status = fleet_.status();
  const bool is_under_way = status.slowest == ShardPhase::running && !fleet_.all_ended();
  if (is_under_way && status.alive == 0) {
    if (!is_stopped()) outcome_.failures.emplace_back("the target closed every connection");
    stop("target lost");
  }
}

void LoadRun::explain_failed_connects() {
  std::uint64_t failed = 0;
  std::uint64_t established = 0;
  measure::ErrorCounts errors;
  for (const measure::LoadShardResult& result : outcome_.results) {
    failed += result.connect.failed;
    established += result.connections_established;
    for (const auto& [name, count] : result.connect.errors) errors[name] += count;
  }
  if (failed == 0 || (settings_.until_refused && established > 0)) return;
  std::vector<std::string> reasons;
  for (const auto& [name, count] : errors)
    reasons.push_back(fmt::format("{} ({} times)", name, count));
  outcome_.failures.push_back(
      fmt::format("cannot connect to {}: {}; {} of {} connections were established",
                  fmt::join(settings_.target_names, ","), fmt::join(reasons, ", "), established,
                  settings_.connections));
}

// On the CPUs of the generator's shards.
os::Result<std::unique_ptr<measure::PlatformMeter>> start_meter(const LoadSettings& settings) {
  auto cpus = settings.cpus ? os::Result<os::CpuSet>(*settings.cpus) : os::allowed_cpus();
  if (!cpus) return std::unexpected(cpus.error());
  return measure::PlatformMeter::start(*cpus, settings.pauses.tick_ns);
}

os::Result<admin::AdminServer> serve_metrics(const os::Endpoint& where, const LiveBoard& board,
                                             LoadMode mode) {
  auto listener = os::listen_tcp(where, {});
  if (!listener) return std::unexpected(listener.error());
  return admin::AdminServer::start(
      *std::move(listener), [&board, mode](std::string_view method, std::string_view target) {
        const std::array<admin::AdminPage, 2> pages{{
            {.path = "/healthz", .answer = [] { return admin::text_answer(200, "ok\n"); }},
            {.path = "/metrics",
             .answer =
                 [&] {
                   return admin::AdminAnswer{.status = 200,
                                             .content_type = open_metrics_content_type,
                                             .body = to_open_metrics(board.figures(), mode),
                                             .allow = {}};
                 }},
        }};
        return admin::answer_from(pages, method, target);
      });
}

}  // namespace

os::Result<RunOutcome> run_load(const LoadSettings& settings, std::uint32_t shards,
                                const std::vector<AddressRange>& sources) {
  const Routes routes(settings.targets, sources);
  const Payload payload(settings.payload_form(), settings.seed);
  // Without it the run is as good as with it, so that a failure only leaves it out.
  auto floor = measure_floor(settings.message_bytes, floor_exchanges);
  auto poller = os::Poller::create();
  if (!poller) return std::unexpected(poller.error());
  const auto signals = os::signal_descriptor({SIGINT, SIGTERM});
  if (!signals) return std::unexpected(signals.error());
  auto fleet = ShardFleet::create(settings, routes, payload, shards, *poller);
  if (!fleet) return std::unexpected(fleet.error());
  if (auto added = poller->add(signals->get(), EPOLLIN, fleet->tag_limit()); !added) {
    return std::unexpected(added.error());
  }
  LiveBoard board;
  std::optional<admin::AdminServer> endpoint;
  if (settings.metrics) {
    // Only now: forking is for processes with one thread.
    auto started = serve_metrics(*settings.metrics, board, settings.mode);
    if (!started) return std::unexpected(started.error());
    endpoint.emplace(*std::move(started));
  }
  std::unique_ptr<measure::PlatformMeter> meter;
  RunPauses pauses;
  if (!settings.pauses.path.empty()) {
    auto started = start_meter(settings);
    if (!started) return std::unexpected(started.error());
    meter = *std::move(started);
    pauses.begin_ns = os::monotonic_ns();
  }
  fleet->let_connect();
  LiveBoard* shown_on = endpoint ? &board : nullptr;
  RunOutcome outcome = LoadRun(settings, *fleet, *poller, signals->get(), shown_on).run();
  if (meter) {
    pauses.end_ns = os::monotonic_ns();
    pauses.meters = meter->stop();
    for (auto& loop : fleet->loop_meters()) pauses.meters.push_back(std::move(loop));
    outcome.pauses = std::move(pauses);
  }
  if (floor) outcome.floor = *std::move(floor);
  return outcome;
}

}  // namespace c1m::loadgen
