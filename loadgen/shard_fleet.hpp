// The shards as their supervisor sees them: forked, watched, woken, and asked for their results.
//
// Invariants: a shard that ends without a whole result is dead, and stays named; a shard that gives
// no sign of life is killed, so that no run hangs on it. No shard outlives the fleet.
// Threads: one; create() forks and must be called while the process has one thread.
// Not here: phases of a run (load_run).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/live_board.hpp"
#include "loadgen/load_settings.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/run_control.hpp"
#include "loadgen/source_addresses.hpp"
#include "measure/load_result.hpp"
#include "measure/loop_meter.hpp"
#include "measure/pauses_document.hpp"
#include "os/clock.hpp"
#include "os/poller.hpp"
#include "os/process.hpp"
#include "os/shared_memory.hpp"
#include "os/wake_event.hpp"

namespace c1m::loadgen {

// The counters of all shards, added up.
struct FleetStatus {
  std::uint64_t established = 0;
  std::uint64_t alive = 0;  // established, or on their way from one life to the next
  std::uint64_t connects_failed = 0;
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t outstanding = 0;
  ShardPhase slowest = ShardPhase::drained;  // phase that every living shard has reached
};

// How long a counter that should advance has stood still. Time during which nobody looked counts
// for little: a supervisor that was itself stopped must not find its shards guilty.
class SignOfLife {
 public:
  explicit SignOfLife(os::Nanoseconds now_ns) : looked_ns_(now_ns) {}

  // Takes the counter's present value; looks should be less than look_gap_max_ns apart.
  os::Nanoseconds still_ns(std::uint64_t turns, os::Nanoseconds now_ns);

  static constexpr os::Nanoseconds look_gap_max_ns = os::ns_per_s;

 private:
  std::uint64_t turns_ = 0;
  os::Nanoseconds looked_ns_;
  os::Nanoseconds still_ns_ = 0;
};

class ShardFleet {
 public:
  // Forks the shards, which wait. `poller` gets their events, with tags below tag_limit().
  static os::Result<ShardFleet> create(const LoadSettings& settings, const Routes& routes,
                                       const Payload& payload, std::uint32_t shards,
                                       os::Poller& poller);
  ShardFleet(ShardFleet&&) = default;
  ShardFleet& operator=(ShardFleet&&) = delete;
  ShardFleet(const ShardFleet&) = delete;
  ShardFleet& operator=(const ShardFleet&) = delete;
  // Kills what still lives.
  ~ShardFleet();

  [[nodiscard]] std::uint64_t tag_limit() const { return 2 * shards_.size(); }
  // Handles an event whose tag is below tag_limit().
  void handle(std::uint64_t tag);

  RunControl& control() { return control_[0]; }
  // Lets the shards connect, for which they wait.
  void let_connect();
  // Makes every shard look at control().
  void wake();
  [[nodiscard]] FleetStatus status() const;
  // The same with histograms, for showing; costs some 1 us a shard. The phase is not filled in.
  [[nodiscard]] LiveFigures live() const;
  // Kills shards whose event loop has not turned for `limit_ns`.
  void kill_stuck(os::Nanoseconds now_ns, os::Nanoseconds limit_ns);
  void kill_all();

  // Every shard has ended.
  [[nodiscard]] bool all_ended() const;
  // Sentences about the shards that died, "shard 1 (pid 77) was killed by signal 9 (SIGKILL)".
  [[nodiscard]] const std::vector<std::string>& deaths() const { return deaths_; }
  // The results that arrived, in the order of the shards; call it when all have ended.
  [[nodiscard]] std::vector<measure::LoadShardResult> take_results();
  // The loops' pauses, if they were to be measured; call it when all have ended.
  [[nodiscard]] std::vector<measure::PauseMeter> loop_meters() const;
  // Index and pid of every shard, for the document.
  [[nodiscard]] std::vector<std::pair<std::uint32_t, int>> identities() const;

 private:
  struct Shard {
    os::ChildProcess process;
    os::WakeEvent wake;
    os::Descriptor result_pipe;  // closed when the result is complete
    std::string result_text;
    std::optional<measure::LoadShardResult> result;
    bool ended = false;
    std::string stuck_reason;  // why the supervisor killed it
    SignOfLife life;
  };

  ShardFleet(os::SharedArray<RunControl> control, os::SharedArray<ShardStatus> statuses,
             os::Poller& poller)
      : control_(std::move(control)), statuses_(std::move(statuses)), poller_(&poller) {}

  os::Result<void> start_shard(const LoadSettings& settings, const Routes& routes,
                               const Payload& payload, std::uint32_t index, std::uint32_t shards);
  void read_result(Shard& shard);
  void reap(std::size_t index);

  os::SharedArray<RunControl> control_;  // of one
  os::SharedArray<ShardStatus> statuses_;
  std::optional<os::SharedArray<measure::LoopPauses>> pauses_;  // one a shard, if measured
  os::Poller* poller_;
  std::vector<Shard> shards_;
  std::vector<std::string> deaths_;
};

}  // namespace c1m::loadgen
