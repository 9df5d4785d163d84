// The server's document of --pauses: meters beside the shards, on their CPUs, and what the shards'
// own meters left. Threads: the supervisor's; the meters have threads of their own, so nothing is
// forked after start(). Not here: the meters (measure/, shard_pauses.hpp).
#pragma once

#include <memory>
#include <vector>

#include "measure/pauses_document.hpp"
#include "measure/platform_meter.hpp"
#include "os/clock.hpp"
#include "os/result.hpp"
#include "servers/app/backend.hpp"
#include "servers/app/server_flags.hpp"
#include "servers/app/shard_group.hpp"

namespace c1m::servers::app {

class PauseRecorder {
 public:
  // Beside the shards of `options`, which has a pauses file.
  [[nodiscard]] static os::Result<PauseRecorder> start(const ServerOptions& options);

  // Ends the meters: the stopping of a server is no pause.
  void stop();
  // When the shards have ended. Fails when the file cannot be written.
  [[nodiscard]] os::Result<void> write(const Backend& backend, const ServerOptions& options,
                                       ShardGroup& group);

 private:
  explicit PauseRecorder(std::unique_ptr<measure::PlatformMeter> platform);

  std::unique_ptr<measure::PlatformMeter> platform_;
  measure::PausesDocument document_;
};

// What the shard's own meters left, in the order: loops, calls.
[[nodiscard]] std::vector<measure::PauseMeter> meters_of_shard(const Backend& backend,
                                                               const PauseBoard& board,
                                                               unsigned shard);

}  // namespace c1m::servers::app
