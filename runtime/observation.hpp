// What can be watched of every coroutine's life: that it is spawned, runs, parks, becomes runnable
// again and ends. Three watchers hang on these five points: USDT probes, which are a nop each until
// a tracer replaces it; histograms; and a trace. The last two are switched at run time, and while
// both are off each point costs one load and one branch that is predicted.
// Invariants: what a watcher keeps of a coroutine is written by whoever owns the coroutine at that
// moment (wait_state.hpp), what it keeps of a processor by who holds it. Times are of the monotonic
// clock, also in a runtime with a virtual one. Threads: the observe_ functions on workers, but for
// ready and spawned, which any thread may call; switching and reading by any.
#pragma once

#include <sys/sdt.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "os/address_space.hpp"
#include "os/result.hpp"
#include "runtime/coroutine.hpp"
#include "runtime/runtime_histograms.hpp"
#include "runtime/trace.hpp"

namespace c1m::runtime {

class Scheduler;
struct ProcessorSight;

class Observation {
 public:
  Observation(Scheduler& scheduler, std::size_t coroutines_max);
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;
  ~Observation();

  [[nodiscard]] bool is_on() const { return mode_.load(std::memory_order_relaxed) != 0; }

  [[nodiscard]] os::Result<void> set_histograms(bool on);
  [[nodiscard]] RuntimeHistograms histograms() const;
  [[nodiscard]] os::Result<void> start_trace(const TraceOptions& options);
  void stop_trace();
  [[nodiscard]] Trace trace() const;

  // For the functions below, while something is on.
  void spawned(const Coroutine& coroutine);
  void ready(const Coroutine& coroutine);
  void runs(const Coroutine& coroutine, std::uint32_t processor);
  void parks(const Coroutine& coroutine, std::uint32_t processor);
  void yields(const Coroutine& coroutine, std::uint32_t processor);
  void ends(const Coroutine& coroutine, std::uint32_t processor);
  void is_back(const Coroutine& coroutine, std::uint32_t processor);

 private:
  struct Times;  // of one coroutine
  // What is on, kept in one word: who has read it appends to the trace that it saw. One that was
  // started meanwhile has the same memory, and its reader knows nothing of who comes so late.
  struct Mode {
    bool histograms = false;
    std::uint32_t trace = 0;   // its number, of 31 bits; 0: none is taken
    std::uint32_t period = 0;  // since the last change; 0: nothing is on
  };
  static constexpr std::uint64_t histograms_flag = 1;
  static constexpr int trace_shift = 1;
  static constexpr int period_shift = 32;

  [[nodiscard]] Mode mode() const;
  // mutex_ is held. The period is set here.
  [[nodiscard]] os::Result<void> set_mode(Mode mode);
  [[nodiscard]] Times& times_of(const Coroutine& coroutine, std::uint32_t period);
  [[nodiscard]] ProcessorSight& sight_of(std::uint32_t processor);
  template <class Use>
  void with_sight_of_caller(Use use);
  void stops_running(const Coroutine& coroutine, ProcessorSight& sight, const Mode& mode,
                     TraceKind kind, WaitReason reason, os::Nanoseconds now_ns);
  void has_waited(const Coroutine& coroutine, ProcessorSight& sight, const Mode& mode,
                  const Times& times);
  void append(ProcessorSight& sight, const Mode& mode, const TraceEvent& event);

  Scheduler& scheduler_;
  const std::size_t coroutines_max_;
  std::atomic<std::uint64_t> mode_ = 0;  // 0: nothing is on
  // Read by who has seen a mode that is on.
  std::atomic<Times*> times_ = nullptr;
  std::atomic<std::size_t> events_max_ = 0;
  std::array<std::atomic<ProcessorSight*>, 256> sights_{};  // made by the first holder
  mutable std::mutex outside_mutex_;
  std::unique_ptr<ProcessorSight> outside_;  // of threads without a processor; by outside_mutex_
  mutable std::mutex mutex_;                 // of switching and reading
  std::uint32_t periods_ = 0;                // guarded by mutex_, as the next two
  std::uint32_t traces_ = 0;
  os::AddressSpace times_space_;
};

// --- the five points ----------------------------------------------------------------------------

// NOLINTBEGIN(cppcoreguidelines-macro-usage, hicpp-no-assembler): sys/sdt.h has macros alone.

// By whoever spawns, before anybody can run it.
inline void observe_spawn(Observation& observation, const Coroutine& coroutine) {
  DTRACE_PROBE1(c1m_runtime, spawn, coroutine.index);
  if (observation.is_on()) [[unlikely]]
    observation.spawned(coroutine);
}

// By whoever has ended its wait, before it is queued.
inline void observe_ready(Observation& observation, const Coroutine& coroutine) {
  DTRACE_PROBE1(c1m_runtime, ready, coroutine.index);
  if (observation.is_on()) [[unlikely]]
    observation.ready(coroutine);
}

// By its worker, which is about to switch to it.
inline void observe_run(Observation& observation, const Coroutine& coroutine,
                        std::uint32_t processor) {
  DTRACE_PROBE2(c1m_runtime, run, coroutine.index, processor);
  if (observation.is_on()) [[unlikely]]
    observation.runs(coroutine, processor);
}

// By its worker, before the wait is committed or the blocking call begins. A wait that comes too
// late is a park too, which is followed by a run without a wake-up.
inline void observe_park(Observation& observation, const Coroutine& coroutine,
                         std::uint32_t processor) {
  DTRACE_PROBE2(c1m_runtime, park, coroutine.index, coroutine.note.word());
  if (observation.is_on()) [[unlikely]]
    observation.parks(coroutine, processor);
}

// By its worker, when its function has returned.
inline void observe_end(Observation& observation, const Coroutine& coroutine,
                        std::uint32_t processor) {
  DTRACE_PROBE1(c1m_runtime, end, coroutine.index);
  if (observation.is_on()) [[unlikely]]
    observation.ends(coroutine, processor);
}

// --- and two without a probe --------------------------------------------------------------------

// By its worker, before it is queued again.
inline void observe_yield(Observation& observation, const Coroutine& coroutine,
                          std::uint32_t processor) {
  if (observation.is_on()) [[unlikely]]
    observation.yields(coroutine, processor);
}

// By its worker: a blocking call has ended, and the coroutine runs on.
inline void observe_back(Observation& observation, const Coroutine& coroutine,
                         std::uint32_t processor) {
  if (observation.is_on()) [[unlikely]]
    observation.is_back(coroutine, processor);
}

// NOLINTEND(cppcoreguidelines-macro-usage, hicpp-no-assembler)

}  // namespace c1m::runtime
