// Taking and writing samples; see stats_recorder.hpp.
#include "servers/app/stats_recorder.hpp"

#include <memory>

#include "os/clock.hpp"
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {

StatsRecorder::StatsRecorder(const ShardGroup& group, std::optional<os::LineLog> log,
                             StatsBoard& board, measure::BackendChoices choices)
    : log_(std::move(log)), board_(board), choices_(std::move(choices)) {
  for (const ShardGroup::Shard& shard : group.shards()) probes_.emplace_back(shard.process.pid());
}

os::Result<void> StatsRecorder::record(const ShardGroup& group) {
  auto sample = std::make_shared<measure::StatsSample>();
  sample->monotonic_ns = os::monotonic_ns();
  sample->utc = os::format_utc(os::realtime_ns());
  sample->choices = choices_;
  for (const ShardGroup::Shard& shard : group.shards()) {
    sample->shards.push_back(sample_shard(group, shard.plan.index));
  }
  board_.publish(sample);
  if (!log_) return {};
  return log_->append(measure::to_json_line(*sample));
}

measure::ShardSample StatsRecorder::sample_shard(const ShardGroup& group, unsigned index) {
  const ShardGroup::Shard& shard = group.shards()[index];
  measure::ShardSample sample{.index = index,
                              .pid = shard.process.pid(),
                              .alive = shard.alive,
                              .process = {},
                              .traffic = sum_of(group.counters_of(index))};
  // The number of a process that has been reaped may already belong to another one.
  sample.process =
      shard.alive ? probes_[index].sample() : measure::ProcessSample::of_ended_process();
  return sample;
}

}  // namespace c1m::servers::app
