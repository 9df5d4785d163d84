// One pinned coroutine a processor; see heartbeats.hpp.
#include "servers/coro/heartbeats.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/affinity.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"

namespace c1m::servers::coro {
namespace {

// Which processors have their heartbeat.
using Taken = std::vector<std::atomic<bool>>;

// False: another is there already.
bool beat_here(const app::PauseBoard& pauses, Taken& taken) {
  const runtime::ProcessorPin pin;
  if (taken[pin.processor()].exchange(true)) return false;
  measure::LoopMeter meter = pauses.meter_of(pin.processor());
  for (bool goes_on = true; goes_on;) {
    meter.wait_begins();
    goes_on = runtime::sleep_for(pauses.tick_ns).has_value();
    meter.wait_ends();
  }
  return true;
}

// A coroutine cannot choose its processor, but waits until it runs on one that has none.
void beat(const app::PauseBoard& pauses, Taken& taken) {
  while (!beat_here(pauses, taken)) {
    if (!runtime::sleep_for(pauses.tick_ns)) return;
  }
}

void hand_over(const runtime::DelayCounts& counts, measure::LiveHistogram& histogram) {
  for (std::size_t index = 0; index < counts.buckets.size(); ++index) {
    histogram.record(runtime::delay_buckets::upper_ns(index), counts.buckets[index]);
  }
}

}  // namespace

os::Result<void> start_heartbeats(runtime::Runtime& runtime, const app::ShardContext& context) {
  if (!context.pauses.is_on()) return {};
  auto started = runtime.set_histograms(true);
  const auto taken = std::make_shared<Taken>(context.processors);
  for (unsigned count = 0; count < context.processors && started; ++count) {
    started = runtime::spawn([&pauses = context.pauses, taken] { beat(pauses, *taken); });
  }
  return started;
}

void publish_delays(const runtime::Runtime& runtime, const app::ShardContext& context) {
  if (!context.pauses.is_on()) return;
  const runtime::RuntimeHistograms histograms = runtime.histograms();
  hand_over(histograms.ready_to_run, context.pauses.shard->ready_to_run_ns);
  hand_over(histograms.run, context.pauses.shard->run_ns);
}

}  // namespace c1m::servers::coro
