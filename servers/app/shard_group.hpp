// The supervisor's side of its shards: forks them, learns that they listen, learns of their end,
// stops them. Invariant: after stop() or destruction no shard lives. Threads: one; start() while
// the process has one thread. Not here: what shards do (shard.hpp), when to stop (supervisor.hpp).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/shared_memory.hpp"
#include "servers/app/backend.hpp"
#include "servers/app/server_flags.hpp"
#include "servers/app/server_plan.hpp"
#include "servers/app/shard_pauses.hpp"
#include "servers/app/worker_counters.hpp"

namespace c1m::servers::app {

class ShardGroup {
 public:
  struct Shard {
    ShardPlan plan;  // with the port that it got
    os::ChildProcess process;
    os::Descriptor report;  // the pipe's read end until it has listened
    bool alive = true;      // not yet reaped
  };

  // Forks a shard for each plan and returns when all of them listen. The first refusal of a shard
  // ends all, and so does a signal in `signals` (exit code 128 + its number) or 30 s without an
  // answer.
  static std::expected<ShardGroup, Refusal> start(const Backend& backend,
                                                  const ServerOptions& options,
                                                  std::vector<ShardPlan> plans, int signals);

  ShardGroup(ShardGroup&&) = default;
  ShardGroup& operator=(ShardGroup&&) = delete;
  ShardGroup(const ShardGroup&) = delete;
  ShardGroup& operator=(const ShardGroup&) = delete;
  ~ShardGroup();

  [[nodiscard]] const std::vector<Shard>& shards() const { return shards_; }
  [[nodiscard]] std::span<const WorkerCounters> counters_of(unsigned index) const;

  // Off without --pauses; to be read when the shard has ended.
  [[nodiscard]] PauseBoard pauses_of(unsigned index);

  // Reaps a shard whose pidfd has become readable and says how it ended: "shard 1 (pid 125, port
  // 7001) was killed by signal 9 (SIGKILL)".
  std::string reap(unsigned index);

  // Asks every living shard, in order, to stop and waits for all. Kills those that are left after
  // `bound_ns`, or at once when another signal arrives in `signals`. Returns a sentence for each
  // shard that did not end well.
  std::vector<std::string> stop(int signals, os::Nanoseconds bound_ns);

 private:
  ShardGroup(os::SharedArray<WorkerCounters> counters, unsigned workers_per_shard)
      : counters_(std::move(counters)), workers_per_shard_(workers_per_shard) {}

  std::expected<void, Refusal> fork_all(const Backend& backend, const ServerOptions& options,
                                        std::vector<ShardPlan> plans);
  std::expected<void, Refusal> await_listening(int signals);
  std::expected<void, Refusal> read_report(Shard& shard);
  void kill_all();

  // What --pauses needs.
  struct Pauses {
    os::SharedArray<measure::LoopPauses> loops;
    os::SharedArray<ShardPauses> shards;
    unsigned loops_per_shard = 1;
    os::Nanoseconds tick_ns = 0;
  };
  os::Result<void> make_pauses(const Backend& backend, const ServerOptions& options,
                               std::size_t shards);

  os::SharedArray<WorkerCounters> counters_;
  std::optional<Pauses> pauses_;
  unsigned workers_per_shard_;
  std::vector<Shard> shards_;
};

}  // namespace c1m::servers::app
