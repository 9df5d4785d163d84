// Samples all shards at once and hands the sample on: a line in the stats file, the latest one on
// the board. Threads: the supervisor's. Not here: when to sample (supervisor.hpp) and how
// (measure/process_probe.hpp).
#pragma once

#include <optional>
#include <vector>

#include "measure/process_probe.hpp"
#include "measure/server_documents.hpp"
#include "os/file.hpp"
#include "os/result.hpp"
#include "servers/app/shard_group.hpp"
#include "servers/app/stats_board.hpp"

namespace c1m::servers::app {

class StatsRecorder {
 public:
  // `log` is empty when no stats file is wanted. `board` must outlive the recorder. `choices` stand
  // in every sample.
  StatsRecorder(const ShardGroup& group, std::optional<os::LineLog> log, StatsBoard& board,
                measure::BackendChoices choices = {});

  // Fails when the line could not be written whole, for example on a full disk.
  [[nodiscard]] os::Result<void> record(const ShardGroup& group);

 private:
  measure::ShardSample sample_shard(const ShardGroup& group, unsigned index);

  std::vector<measure::ProcessProbe> probes_;  // by shard index
  std::optional<os::LineLog> log_;
  StatsBoard& board_;
  measure::BackendChoices choices_;
};

}  // namespace c1m::servers::app
