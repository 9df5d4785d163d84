// Keeping times, counting them, and switching; see observation.hpp.
#include "runtime/observation.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <utility>

#include "runtime/scheduler.hpp"
#include "runtime/thread_state.hpp"
#include "runtime/trace_buffer.hpp"

namespace c1m::runtime {

// What is kept of a coroutine between two points of its life, in reserved memory beside the table
// of records: it exists for those that live while something is on.
struct Observation::Times {
  os::Nanoseconds parked_ns = 0;  // 0: it has not parked since it was last runnable
  os::Nanoseconds ready_ns = 0;   // 0: it is not runnable
  std::uint64_t flow = 0;
  std::uint32_t period = 0;  // in which the others were written
  WaitReason reason = WaitReason::none;
};

// What is kept of a processor, by its holder.
struct ProcessorSight {
  explicit ProcessorSight(std::uint32_t index_of_processor) : index(index_of_processor) {}
  ~ProcessorSight() {
    for (auto& each : blocked) delete each.load();
  }
  ProcessorSight(const ProcessorSight&) = delete;
  ProcessorSight& operator=(const ProcessorSight&) = delete;

  // Times on a track differ, so that slices nest.
  os::Nanoseconds time(os::Nanoseconds at_least_ns = 0) {
    last_ns = std::max({platform::monotonic_ns(), last_ns + 2, at_least_ns});
    return last_ns;
  }
  [[nodiscard]] std::uint64_t next_flow() { return std::uint64_t{index + 1} << 32 | ++flows; }
  DelayHistogram& blocked_for(WaitReason reason) {
    auto& place = blocked[static_cast<std::size_t>(reason)];
    DelayHistogram* histogram = place.load(std::memory_order_relaxed);
    if (histogram == nullptr) {
      histogram = new DelayHistogram;
      place.store(histogram, std::memory_order_release);
    }
    return *histogram;
  }

  const std::uint32_t index;
  os::Nanoseconds last_ns = 0;
  // Of the coroutine that runs.
  os::Nanoseconds run_began_ns = 0;
  std::uint64_t run_flow = 0;
  std::uint32_t run_period = 0;  // in which it began
  std::uint32_t flows = 0;

  DelayHistogram ready_to_run;
  DelayHistogram run;
  std::array<std::atomic<DelayHistogram*>, wait_reasons_max> blocked{};  // made when needed
  TraceBuffer trace;
};

Observation::Observation(Scheduler& scheduler, std::size_t coroutines_max)
    : scheduler_(scheduler), coroutines_max_(coroutines_max) {
  static_assert(processors_max == std::tuple_size_v<decltype(sights_)>);
}

Observation::~Observation() {
  for (auto& sight : sights_) delete sight.load();
}

// --- what is on ---------------------------------------------------------------------------------

Observation::Mode Observation::mode() const {
  // Acquire: what set_mode() has made, and what was read of the last trace before this one began.
  const std::uint64_t word = mode_.load(std::memory_order_acquire);
  return {.histograms = (word & histograms_flag) != 0,
          .trace = static_cast<std::uint32_t>(word) >> trace_shift,
          .period = static_cast<std::uint32_t>(word >> period_shift)};
}

os::Result<void> Observation::set_mode(Mode mode) {
  const bool on = mode.histograms || mode.trace != 0;
  if (on && times_space_.data() == nullptr) {
    auto space = os::AddressSpace::reserve((coroutines_max_ + 1) * sizeof(Times));
    if (!space) return std::unexpected(space.error());
    times_space_ = std::move(*space);
    // Zeros are what the constructor writes.
    times_.store(reinterpret_cast<Times*>(times_space_.data()), std::memory_order_relaxed);
  }
  const std::uint64_t period = ++periods_;
  const std::uint64_t flags =
      std::uint64_t{mode.trace} << trace_shift | (mode.histograms ? histograms_flag : 0);
  mode_.store(on ? period << period_shift | flags : 0, std::memory_order_release);
  return {};
}

os::Result<void> Observation::set_histograms(bool on) {
  const std::lock_guard lock(mutex_);
  return set_mode({.histograms = on, .trace = mode().trace});
}

os::Result<void> Observation::start_trace(const TraceOptions& options) {
  if (options.events_per_processor < 1) {
    return os::fail(EINVAL, "start_trace: events_per_processor is 0; it is at least 1");
  }
  const std::lock_guard lock(mutex_);
  const Mode now = mode();
  if (now.trace != 0) return os::fail(EALREADY, "start_trace: a trace is being taken");
  events_max_.store(options.events_per_processor, std::memory_order_relaxed);
  return set_mode({.histograms = now.histograms, .trace = ++traces_});
}

void Observation::stop_trace() {
  const std::lock_guard lock(mutex_);
  // Fails only when it switches something on.
  std::ignore = set_mode({.histograms = mode().histograms});
}

// --- reading ------------------------------------------------------------------------------------

RuntimeHistograms Observation::histograms() const {
  RuntimeHistograms sum;
  for (const auto& each : sights_) {
    const ProcessorSight* const sight = each.load(std::memory_order_acquire);
    if (sight == nullptr) continue;
    sight->ready_to_run.add_to(sum.ready_to_run);
    sight->run.add_to(sum.run);
    for (std::size_t reason = 0; reason < sight->blocked.size(); ++reason) {
      const DelayHistogram* const one = sight->blocked[reason].load(std::memory_order_acquire);
      if (one != nullptr) one->add_to(sum.blocked[static_cast<WaitReason>(reason)]);
    }
  }
  return sum;
}

Trace Observation::trace() const {
  Trace trace;
  const std::lock_guard lock(mutex_);
  const auto add = [&](const ProcessorSight& sight, std::uint32_t processor) {
    TraceTrack track{.processor = processor};
    sight.trace.read(traces_, track);
    trace.tracks.push_back(std::move(track));
  };
  for (std::uint32_t i = 0; i < sights_.size(); ++i) {
    if (const auto* sight = sights_[i].load(std::memory_order_acquire)) add(*sight, i);
  }
  const std::lock_guard outside_lock(outside_mutex_);
  if (outside_) add(*outside_, TraceTrack::other_threads);
  return trace;
}

std::string to_text(const RuntimeHistograms& histograms) {
  std::string text;
  const auto add = [&text](const std::string& name, const DelayCounts& counts) {
    std::array<char, 160> line;
    std::snprintf(line.data(), line.size(),
                  "%-24s %12llu times, p50 %12lld ns, p99 %12lld ns, max %12lld ns\n", name.c_str(),
                  static_cast<unsigned long long>(counts.count),
                  static_cast<long long>(counts.at(0.5)), static_cast<long long>(counts.at(0.99)),
                  static_cast<long long>(counts.max_ns));
    text += line.data();
  };
  add("ready to run", histograms.ready_to_run);
  add("run", histograms.run);
  for (const auto& [reason, counts] : histograms.blocked) add(name_of(reason), counts);
  return text;
}

// --- where it is kept ---------------------------------------------------------------------------

Observation::Times& Observation::times_of(const Coroutine& coroutine, std::uint32_t period) {
  Times& times = times_.load(std::memory_order_relaxed)[coroutine.index];
  if (times.period != period) times = {.period = period};
  return times;
}

ProcessorSight& Observation::sight_of(std::uint32_t processor) {
  std::atomic<ProcessorSight*>& place = sights_[processor];
  ProcessorSight* sight = place.load(std::memory_order_acquire);  // as the last holder left it
  if (sight == nullptr) {
    sight = new ProcessorSight(processor);
    place.store(sight, std::memory_order_release);
  }
  return *sight;
}

template <class Use>
void Observation::with_sight_of_caller(Use use) {
  Worker* const worker = current_worker();
  if (worker != nullptr && &worker->scheduler() == &scheduler_ && worker->holds_processor()) {
    use(sight_of(worker->processor().index));
    return;
  }
  const std::lock_guard lock(outside_mutex_);
  if (!outside_) outside_ = std::make_unique<ProcessorSight>(processors_max);
  use(*outside_);
}

void Observation::append(ProcessorSight& sight, const Mode& mode, const TraceEvent& event) {
  sight.trace.append(mode.trace, events_max_.load(std::memory_order_relaxed), event);
}

// --- the points ---------------------------------------------------------------------------------

void Observation::spawned(const Coroutine& coroutine) {
  const Mode on = mode();
  if (on.period == 0) return;
  with_sight_of_caller([&](ProcessorSight& sight) {
    Times& times = times_of(coroutine, on.period);
    times = {.ready_ns = sight.time(), .period = on.period};
    if (on.trace == 0) return;
    times.flow = sight.next_flow();
    append(
        sight, on,
        {.begin_ns = times.ready_ns,
         .flow = times.flow,
         .spawned_at = std::bit_cast<const void*>(coroutine.where.load(std::memory_order_relaxed)),
         .coroutine = coroutine.index,
         .kind = TraceKind::spawn});
  });
}

void Observation::ready(const Coroutine& coroutine) {
  const Mode on = mode();
  if (on.period == 0) return;
  with_sight_of_caller([&](ProcessorSight& sight) {
    Times& times = times_of(coroutine, on.period);
    times.ready_ns = sight.time(times.parked_ns);
    times.flow = 0;
    if (on.trace == 0) return;
    times.flow = sight.next_flow();
    append(sight, on,
           {.begin_ns = times.ready_ns,
            .flow = times.flow,
            .coroutine = coroutine.index,
            .kind = TraceKind::wake});
  });
}

void Observation::runs(const Coroutine& coroutine, std::uint32_t processor) {
  const Mode on = mode();
  if (on.period == 0) return;
  ProcessorSight& sight = sight_of(processor);
  Times& times = times_of(coroutine, on.period);
  const os::Nanoseconds now_ns = sight.time(times.ready_ns);
  if (times.ready_ns != 0) {
    if (on.histograms) sight.ready_to_run.add(now_ns - times.ready_ns);
    if (times.parked_ns != 0) has_waited(coroutine, sight, on, times);
  }
  sight.run_began_ns = now_ns;
  sight.run_flow = times.flow;
  sight.run_period = on.period;
  times = {.period = on.period};
}

void Observation::has_waited(const Coroutine& coroutine, ProcessorSight& sight, const Mode& mode,
                             const Times& times) {
  if (mode.histograms) sight.blocked_for(times.reason).add(times.ready_ns - times.parked_ns);
  if (mode.trace == 0) return;
  append(sight, mode,
         {.begin_ns = times.parked_ns,
          .end_ns = times.ready_ns,
          .coroutine = coroutine.index,
          .kind = TraceKind::wait,
          .reason = times.reason});
}

void Observation::stops_running(const Coroutine& coroutine, ProcessorSight& sight, const Mode& mode,
                                TraceKind kind, WaitReason reason, os::Nanoseconds now_ns) {
  if (sight.run_period != mode.period) return;  // its beginning was not seen
  if (mode.histograms) sight.run.add(now_ns - sight.run_began_ns);
  if (mode.trace != 0) {
    append(sight, mode,
           {.begin_ns = sight.run_began_ns,
            .end_ns = now_ns,
            .flow = sight.run_flow,
            .coroutine = coroutine.index,
            .kind = kind,
            .reason = reason});
  }
  sight.run_flow = 0;
}

// The coroutine may run on: then it begins to now, and its wait is written over by the next.
void Observation::parks(const Coroutine& coroutine, std::uint32_t processor) {
  const Mode on = mode();
  if (on.period == 0) return;
  ProcessorSight& sight = sight_of(processor);
  const os::Nanoseconds now_ns = sight.time();
  const WaitReason reason = coroutine.note.reason();
  stops_running(coroutine, sight, on, TraceKind::run_until_park, reason, now_ns);
  times_of(coroutine, on.period) = {.parked_ns = now_ns, .period = on.period, .reason = reason};
  sight.run_began_ns = sight.time();
}

void Observation::yields(const Coroutine& coroutine, std::uint32_t processor) {
  const Mode on = mode();
  if (on.period == 0) return;
  ProcessorSight& sight = sight_of(processor);
  const os::Nanoseconds now_ns = sight.time();
  stops_running(coroutine, sight, on, TraceKind::run_until_yield, WaitReason::none, now_ns);
  times_of(coroutine, on.period) = {.ready_ns = now_ns, .period = on.period};
}

void Observation::ends(const Coroutine& coroutine, std::uint32_t processor) {
  const Mode on = mode();
  if (on.period == 0) return;
  ProcessorSight& sight = sight_of(processor);
  stops_running(coroutine, sight, on, TraceKind::run_until_end, WaitReason::none, sight.time());
}

void Observation::is_back(const Coroutine& coroutine, std::uint32_t processor) {
  const Mode on = mode();
  if (on.period == 0) return;
  ProcessorSight& sight = sight_of(processor);
  Times& times = times_of(coroutine, on.period);
  times.ready_ns = sight.time(times.parked_ns);
  if (times.parked_ns != 0) has_waited(coroutine, sight, on, times);
  sight.run_began_ns = sight.time();
  sight.run_period = on.period;
  times = {.period = on.period};
}

}  // namespace c1m::runtime
