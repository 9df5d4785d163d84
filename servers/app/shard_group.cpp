// Forking, watching and stopping shards; see shard_group.hpp.
#include "servers/app/shard_group.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "os/exit_code.hpp"
#include "os/poller.hpp"
#include "servers/app/shard.hpp"

namespace c1m::servers::app {
namespace {

constexpr os::Nanoseconds startup_ns_max = 30 * os::ns_per_s;
constexpr std::uint64_t signal_tag = ~0ULL;
constexpr unsigned counter_stripes_max = 16;

Refusal failure(std::string text) {
  return {.exit_code = os::exit_failed, .text = std::move(text)};
}

Refusal failure(const os::Error& error) {
  return failure(os::describe(error));
}

std::string name_of(const ShardGroup::Shard& shard) {
  const std::uint16_t port = shard.plan.endpoint.port();
  return fmt::format("shard {} (pid {}{})", shard.plan.index, shard.process.pid(),
                     port == 0 ? "" : fmt::format(", port {}", port));
}

// A backend with workers has a line of counters for each. One with a thread a connection spreads
// its connections over as many lines as CPUs may write at the same time.
unsigned count_workers(const Backend& backend, const ServerOptions& options) {
  if (backend.has_processors) return options.processors;
  const auto cpus = os::allowed_cpus();
  return cpus ? std::clamp<unsigned>(static_cast<unsigned>(cpus->size()), 1, counter_stripes_max)
              : 1;
}

os::Nanoseconds left_until(os::Nanoseconds deadline_ns) {
  return std::max<os::Nanoseconds>(0, deadline_ns - os::monotonic_ns());
}

}  // namespace

std::expected<ShardGroup, Refusal> ShardGroup::start(const Backend& backend,
                                                     const ServerOptions& options,
                                                     std::vector<ShardPlan> plans, int signals) {
  const unsigned workers = count_workers(backend, options);
  auto counters = os::SharedArray<WorkerCounters>::create(plans.size() * workers);
  if (!counters) return std::unexpected(failure(counters.error()));
  ShardGroup group(std::move(*counters), workers);
  if (const auto made = group.make_pauses(backend, options, plans.size()); !made)
    return std::unexpected(failure(made.error()));
  auto started = group.fork_all(backend, options, std::move(plans));
  if (started) started = group.await_listening(signals);
  if (!started) return std::unexpected(started.error());
  return group;
}

ShardGroup::~ShardGroup() {
  kill_all();
}

std::span<const WorkerCounters> ShardGroup::counters_of(unsigned index) const {
  return {&counters_[std::size_t{index} * workers_per_shard_], workers_per_shard_};
}

os::Result<void> ShardGroup::make_pauses(const Backend& backend, const ServerOptions& options,
                                         std::size_t shards) {
  if (!options.pauses_file) return {};
  const unsigned loops = backend.has_processors ? options.processors : 1;
  auto of_loops = os::SharedArray<measure::LoopPauses>::create(shards * loops);
  if (!of_loops) return std::unexpected(of_loops.error());
  auto of_shards = os::SharedArray<ShardPauses>::create(shards);
  if (!of_shards) return std::unexpected(of_shards.error());
  pauses_.emplace(Pauses{.loops = *std::move(of_loops),
                         .shards = *std::move(of_shards),
                         .loops_per_shard = loops,
                         .tick_ns = options.pause_tick_ns});
  return {};
}

PauseBoard ShardGroup::pauses_of(unsigned index) {
  if (!pauses_) return {};
  measure::LoopPauses* const first = &pauses_->loops[std::size_t{index} * pauses_->loops_per_shard];
  return {.loops = {first, pauses_->loops_per_shard},
          .shard = &pauses_->shards[index],
          .tick_ns = pauses_->tick_ns};
}

std::expected<void, Refusal> ShardGroup::fork_all(const Backend& backend,
                                                  const ServerOptions& options,
                                                  std::vector<ShardPlan> plans) {
  for (ShardPlan& plan : plans) {
    auto pipe = os::make_pipe();
    if (!pipe) return std::unexpected(failure(pipe.error()));
    const std::span<WorkerCounters> counters(
        &counters_[std::size_t{plan.index} * workers_per_shard_], workers_per_shard_);
    auto child = os::fork_child([&] {
      return run_shard(backend, options, plan, counters, pauses_of(plan.index), pipe->write_end);
    });
    if (!child) return std::unexpected(failure(child.error()));
    shards_.push_back({.plan = std::move(plan),
                       .process = std::move(*child),
                       .report = std::move(pipe->read_end)});
  }
  return {};
}

std::expected<void, Refusal> ShardGroup::await_listening(int signals) {
  auto poller = os::Poller::create();
  if (!poller) return std::unexpected(failure(poller.error()));
  auto added = poller->add(signals, EPOLLIN, signal_tag);
  for (const Shard& shard : shards_) {
    if (added) added = poller->add(shard.report.get(), EPOLLIN, shard.plan.index);
  }
  if (!added) return std::unexpected(failure(added.error()));

  const os::Nanoseconds deadline_ns = os::monotonic_ns() + startup_ns_max;
  for (std::size_t listening = 0; listening < shards_.size();) {
    std::array<epoll_event, 64> events{};
    const auto ready = poller->wait(events, left_until(deadline_ns));
    if (!ready) return std::unexpected(failure(ready.error()));
    if (*ready == 0 && left_until(deadline_ns) == 0) {
      return std::unexpected(failure(fmt::format("{} of {} shards did not listen within {} s",
                                                 shards_.size() - listening, shards_.size(),
                                                 startup_ns_max / os::ns_per_s)));
    }
    if (const auto number = os::read_signal(signals)) {
      return std::unexpected(Refusal{.exit_code = os::exit_signal_base + *number,
                                     .text = "stopped by a signal before every shard listened"});
    }
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
      if (event.data.u64 == signal_tag) continue;
      Shard& shard = shards_[event.data.u64];
      if (auto listens = read_report(shard); !listens) return listens;
      shard.report.reset();  // which takes it out of the poller, too
      ++listening;
    }
  }
  return {};
}

std::expected<void, Refusal> ShardGroup::read_report(Shard& shard) {
  ShardReport report;
  // Written in one piece, so read in one piece.
  if (::read(shard.report.get(), &report, sizeof report) != sizeof report) {
    return std::unexpected(failure(reap(shard.plan.index) + " before it listened"));
  }
  if (report.exit_code != 0) {
    return std::unexpected(Refusal{.exit_code = report.exit_code, .text = report.message.data()});
  }
  shard.plan.endpoint = shard.plan.endpoint.with_port(report.port);
  return {};
}

std::string ShardGroup::reap(unsigned index) {
  Shard& shard = shards_[index];
  shard.alive = false;
  const auto status = shard.process.wait();
  return name_of(shard) + " " + (status ? os::describe(*status) : os::describe(status.error()));
}

std::vector<std::string> ShardGroup::stop(int signals, os::Nanoseconds bound_ns) {
  std::vector<std::string> troubles;
  auto poller = os::Poller::create();
  bool watching = poller && poller->add(signals, EPOLLIN, signal_tag);
  std::size_t living = 0;
  for (const Shard& shard : shards_) {
    if (!shard.alive) continue;
    ++living;
    // ESRCH: it has ended by itself, which its pidfd says as well.
    (void)shard.process.signal(SIGTERM);
    watching = watching && poller->add(shard.process.pidfd(), EPOLLIN, shard.plan.index);
  }
  const os::Nanoseconds deadline_ns = os::monotonic_ns() + bound_ns;
  while (watching && living > 0 && left_until(deadline_ns) > 0) {
    std::array<epoll_event, 64> events{};
    const auto ready = poller->wait(events, left_until(deadline_ns));
    if (!ready) break;
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
      if (event.data.u64 == signal_tag) {
        watching = false;  // a second signal: no more patience
        break;
      }
      Shard& shard = shards_[event.data.u64];
      (void)poller->remove(shard.process.pidfd());
      shard.alive = false;
      --living;
      const auto status = shard.process.wait();
      // A shard that had not yet installed its handler ends by the signal itself.
      const bool ended_well = status && (status->success() || status->signal_number == SIGTERM);
      if (!ended_well) {
        troubles.push_back(name_of(shard) + " " +
                           (status ? os::describe(*status) : os::describe(status.error())) +
                           " while stopping");
      }
    }
  }
  for (const Shard& shard : shards_) {
    if (shard.alive) troubles.push_back(name_of(shard) + " did not stop in time and was killed");
  }
  kill_all();
  return troubles;
}

void ShardGroup::kill_all() {
  for (const Shard& shard : shards_) {
    if (shard.alive) (void)shard.process.signal(SIGKILL);
  }
  for (Shard& shard : shards_) {
    if (shard.alive) (void)shard.process.wait();
    shard.alive = false;
  }
}

}  // namespace c1m::servers::app
