// One process of the generator: its connections, its event loop, its part of the plan.
//
// Phases, in step with the other shards by RunControl: connect, warm-up and window, drain, report.
// Invariant: a shard decides nothing about the run; it does what RunControl says and reports.
// Threads: one; the process has no other. Not here: judging results (validity), merging
// (load_merge).
#pragma once

#include <cstdint>

#include "loadgen/load_settings.hpp"
#include "loadgen/payload.hpp"
#include "loadgen/run_control.hpp"
#include "loadgen/source_addresses.hpp"
#include "measure/loop_meter.hpp"
#include "os/wake_event.hpp"

namespace c1m::loadgen {

// What the supervisor gives a shard. All of it outlives the shard's process.
struct ShardOrder {
  const LoadSettings& settings;
  const Routes& routes;
  const Payload& payload;
  std::uint32_t index = 0;
  std::uint32_t shards = 1;
  const RunControl& control;
  ShardStatus& status;
  measure::LoopPauses* pauses = nullptr;  // null: not measured
  const os::WakeEvent& wake;
  int result_fd = -1;  // takes the shard's result as JSON, then is closed
};

// Runs in the forked child, from its start to its end. Returns the exit code: 0 when the result was
// written, else 1 with a sentence on stderr.
int run_load_shard(const ShardOrder& order);

}  // namespace c1m::loadgen
