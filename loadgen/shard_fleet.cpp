// Forking, watching and reaping shards; see shard_fleet.hpp.
#include "loadgen/shard_fleet.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "loadgen/load_shard.hpp"
#include "measure/load_result_json.hpp"

namespace c1m::loadgen {
namespace {

// A shard has two tags: its end, and its result.
constexpr std::uint64_t tags_per_shard = 2;

// Appends what is in the pipe, waiting only while it is empty; false at its end.
bool append_some(int fd, std::string& text) {
  std::array<char, 65'536> block{};
  ssize_t got = -1;
  do {
    got = ::read(fd, block.data(), block.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  text.append(block.data(), static_cast<std::size_t>(got));
  return true;
}

}  // namespace

os::Nanoseconds SignOfLife::still_ns(std::uint64_t turns, os::Nanoseconds now_ns) {
  still_ns_ += std::min(now_ns - looked_ns_, look_gap_max_ns);
  if (turns != turns_) still_ns_ = 0;
  turns_ = turns;
  looked_ns_ = now_ns;
  return still_ns_;
}

os::Result<ShardFleet> ShardFleet::create(const LoadSettings& settings, const Routes& routes,
                                          const Payload& payload, std::uint32_t shards,
                                          os::Poller& poller) {
  auto control = os::SharedArray<RunControl>::create(1);
  if (!control) return std::unexpected(control.error());
  auto statuses = os::SharedArray<ShardStatus>::create(shards);
  if (!statuses) return std::unexpected(statuses.error());
  ShardFleet fleet(*std::move(control), *std::move(statuses), poller);
  fleet.control().drain_ns = settings.timeout_ns;
  if (!settings.pauses.path.empty()) {
    auto pauses = os::SharedArray<measure::LoopPauses>::create(shards);
    if (!pauses) return std::unexpected(pauses.error());
    fleet.pauses_.emplace(*std::move(pauses));
  }
  for (std::uint32_t index = 0; index < shards; ++index) {
    auto started = fleet.start_shard(settings, routes, payload, index, shards);
    if (!started) return std::unexpected(started.error());
  }
  return fleet;
}

os::Result<void> ShardFleet::start_shard(const LoadSettings& settings, const Routes& routes,
                                         const Payload& payload, std::uint32_t index,
                                         std::uint32_t shards) {
  auto wake = os::WakeEvent::create();
  if (!wake) return std::unexpected(wake.error());
  // Made just before its fork, so that no other shard holds its write end open.
  auto pipe = os::make_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  const ShardOrder order{.settings = settings,
                         .routes = routes,
                         .payload = payload,
                         .index = index,
                         .shards = shards,
                         .control = control_[0],
                         .status = statuses_[index],
                         .pauses = pauses_ ? &(*pauses_)[index] : nullptr,
                         .wake = *wake,
                         .result_fd = pipe->write_end.get()};
  auto child = os::fork_child([&] {
    // The descriptors of the shards before it are no business of this one.
    shards_.clear();
    return run_load_shard(order);
  });
  if (!child) return std::unexpected(child.error());
  const std::uint64_t tag = tags_per_shard * index;
  auto added = poller_->add(child->pidfd(), EPOLLIN, tag);
  if (added) added = poller_->add(pipe->read_end.get(), EPOLLIN, tag + 1);
  shards_.push_back({.process = *std::move(child),
                     .wake = *std::move(wake),
                     .result_pipe = std::move(pipe->read_end),
                     .result_text = {},
                     .result = {},
                     .ended = false,
                     .stuck_reason = {},
                     .life = SignOfLife(os::monotonic_ns())});
  return added;
}

ShardFleet::~ShardFleet() {
  for (Shard& shard : shards_) {
    if (shard.ended) continue;
    static_cast<void>(shard.process.signal(SIGKILL));
    static_cast<void>(shard.process.wait());
  }
}

void ShardFleet::handle(std::uint64_t tag) {
  const auto index = static_cast<std::size_t>(tag / tags_per_shard);
  if (tag % tags_per_shard == 0) {
    reap(index);
  } else {
    read_result(shards_[index]);
  }
}

void ShardFleet::read_result(Shard& shard) {
  if (!shard.result_pipe.is_open()) return;
  if (append_some(shard.result_pipe.get(), shard.result_text)) return;
  shard.result_pipe.reset();
  if (auto result = measure::read_load_shard_result(shard.result_text)) {
    shard.result = *std::move(result);
  }
  shard.result_text = {};
}

void ShardFleet::reap(std::size_t index) {
  Shard& shard = shards_[index];
  if (shard.ended) return;
  shard.ended = true;
  static_cast<void>(poller_->remove(shard.process.pidfd()));
  const auto status = shard.process.wait();
  std::string how = status ? os::describe(*status) : os::describe(status.error());
  if (!shard.stuck_reason.empty()) how = shard.stuck_reason;
  while (shard.result_pipe.is_open()) read_result(shard);
  if (shard.result) return;
  deaths_.push_back(fmt::format("shard {} (pid {}) {}", index, shard.process.pid(), how));
}

void ShardFleet::let_connect() {
  control().may_connect.store(true, std::memory_order_relaxed);
  wake();
}

void ShardFleet::wake() {
  for (Shard& shard : shards_) {
    if (!shard.ended) shard.wake.signal();
  }
}

FleetStatus ShardFleet::status() const {
  FleetStatus sum;
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    if (shards_[index].ended) continue;
    const ShardStatus& status = statuses_[index];
    sum.slowest = std::min(sum.slowest, status.phase.load(std::memory_order_acquire));
    sum.established += status.established.load(std::memory_order_relaxed);
    sum.alive += status.alive.load(std::memory_order_relaxed);
    sum.connects_failed += status.connects_failed.load(std::memory_order_relaxed);
    sum.sent += status.sent.load(std::memory_order_relaxed);
    sum.answered += status.answered.load(std::memory_order_relaxed);
    sum.outstanding += status.outstanding.load(std::memory_order_relaxed);
  }
  return sum;
}

LiveFigures ShardFleet::live() const {
  LiveFigures figures;
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    if (shards_[index].ended) continue;
    const ShardStatus& status = statuses_[index];
    ++figures.shards;
    figures.established += status.established.load(std::memory_order_relaxed);
    figures.reopened += status.reopened.load(std::memory_order_relaxed);
    figures.reset += status.reset.load(std::memory_order_relaxed);
    figures.half_open += status.half_open.load(std::memory_order_relaxed);
    figures.slow += status.slow.load(std::memory_order_relaxed);
    figures.sent += status.sent.load(std::memory_order_relaxed);
    figures.answered += status.answered.load(std::memory_order_relaxed);
    figures.errors += status.errors.load(std::memory_order_relaxed);
    figures.outstanding += status.outstanding.load(std::memory_order_relaxed);
    status.latency.add_to(figures.latency);
    status.send_lag.add_to(figures.send_lag);
  }
  return figures;
}

void ShardFleet::kill_stuck(os::Nanoseconds now_ns, os::Nanoseconds limit_ns) {
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    Shard& shard = shards_[index];
    const std::uint64_t turns = statuses_[index].turns.load(std::memory_order_relaxed);
    const os::Nanoseconds still_ns = shard.life.still_ns(turns, now_ns);
    if (shard.ended || still_ns < limit_ns) continue;
    shard.stuck_reason =
        fmt::format("gave no sign of life for {} s and was killed", still_ns / os::ns_per_s);
    static_cast<void>(shard.process.signal(SIGKILL));
  }
}

void ShardFleet::kill_all() {
  for (Shard& shard : shards_) {
    if (!shard.ended) static_cast<void>(shard.process.signal(SIGKILL));
  }
}

bool ShardFleet::all_ended() const {
  return std::ranges::all_of(shards_, [](const Shard& shard) { return shard.ended; });
}

std::vector<measure::LoadShardResult> ShardFleet::take_results() {
  std::vector<measure::LoadShardResult> results;
  for (Shard& shard : shards_) {
    if (shard.result) results.push_back(*std::move(shard.result));
  }
  return results;
}

std::vector<measure::PauseMeter> ShardFleet::loop_meters() const {
  std::vector<measure::PauseMeter> meters;
  for (std::size_t index = 0; pauses_ && index < pauses_->size(); ++index) {
    meters.push_back(measure::meter_of_loop((*pauses_)[index]));
    meters.back().shard = index;
    meters.back().worker = 0;
  }
  return meters;
}

std::vector<std::pair<std::uint32_t, int>> ShardFleet::identities() const {
  std::vector<std::pair<std::uint32_t, int>> identities;
  identities.reserve(shards_.size());
  for (const Shard& shard : shards_) {
    identities.emplace_back(static_cast<std::uint32_t>(identities.size()), shard.process.pid());
  }
  return identities;
}

}  // namespace c1m::loadgen
