// Starting, stopping and writing; see pause_recorder.hpp.
#include "servers/app/pause_recorder.hpp"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "os/cpu_set.hpp"
#include "os/file.hpp"

namespace c1m::servers::app {
namespace {

// In the order of os::WatchedCall.
constexpr std::array<const char*, 2> call_kinds{"memory_call", "lock_wait"};

measure::PauseMeter loop_meter(const Backend& backend, const measure::LoopPauses& pauses) {
  measure::PauseMeter meter = measure::meter_of_loop(pauses);
  // The turns of these loops are not those in which connections are served.
  if (!backend.turns_unavailable.empty()) {
    meter.histograms.erase("turn_us");
    meter.unavailable["turn_us"] = backend.turns_unavailable;
  }
  return meter;
}

void add_coroutine_delays(const Backend& backend, const ShardPauses& pauses,
                          measure::PauseMeter& meter) {
  if (backend.has_coroutines) {
    meter.histograms["ready_to_run_us"] = measure::histogram_of(pauses.ready_to_run_ns);
    meter.histograms["run_us"] = measure::histogram_of(pauses.run_ns);
  } else {
    meter.unavailable["ready_to_run_us"] = meter.unavailable["run_us"] =
        "this backend has no coroutines";
  }
}

}  // namespace

std::vector<measure::PauseMeter> meters_of_shard(const Backend& backend, const PauseBoard& board,
                                                 unsigned shard) {
  std::vector<measure::PauseMeter> meters;
  for (std::size_t worker = 0; worker < board.loops.size(); ++worker) {
    measure::PauseMeter meter = loop_meter(backend, board.loops[worker]);
    meter.worker = worker;
    meters.push_back(std::move(meter));
  }
  // Of the shard as a whole, so that they stand once.
  add_coroutine_delays(backend, *board.shard, meters.front());
  for (std::size_t call = 0; call < call_kinds.size(); ++call) {
    const CallPauses& pauses = board.shard->calls[call];
    measure::PauseMeter meter = measure::meter_of(call_kinds[call], pauses.stalls);
    meter.histograms["took_us"] = measure::histogram_of(pauses.took_ns);
    meters.push_back(std::move(meter));
  }
  for (measure::PauseMeter& meter : meters) meter.shard = shard;
  return meters;
}

PauseRecorder::PauseRecorder(std::unique_ptr<measure::PlatformMeter> platform)
    : platform_(std::move(platform)) {
  document_.started_utc = os::format_utc(os::realtime_ns());
  document_.begin_ns = os::monotonic_ns();
}

os::Result<PauseRecorder> PauseRecorder::start(const ServerOptions& options) {
  auto cpus = options.cpus ? os::Result<os::CpuSet>(*options.cpus) : os::allowed_cpus();
  if (!cpus) return std::unexpected(cpus.error());
  auto platform = measure::PlatformMeter::start(*cpus, options.pause_tick_ns);
  if (!platform) return std::unexpected(platform.error());
  return PauseRecorder(*std::move(platform));
}

void PauseRecorder::stop() {
  document_.end_ns = os::monotonic_ns();
  document_.meters = platform_->stop();
}

os::Result<void> PauseRecorder::write(const Backend& backend, const ServerOptions& options,
                                      ShardGroup& group) {
  document_.side = "server";
  document_.program = backend.program;
  document_.backend = backend.name;
  document_.tick_ns = options.pause_tick_ns;
  for (const ShardGroup::Shard& shard : group.shards()) {
    const unsigned index = shard.plan.index;
    for (measure::PauseMeter& meter : meters_of_shard(backend, group.pauses_of(index), index)) {
      document_.meters.push_back(std::move(meter));
    }
  }
  return os::write_file_atomically(*options.pauses_file, measure::to_json(document_));
}

}  // namespace c1m::servers::app
