// What happened while a trace was taken, and its text for Perfetto (ui.perfetto.dev) and
// chrome://tracing: a track for each processor with a slice for each time that a coroutine ran on
// it, and for each wake-up and spawn, with an arrow from there to the run that it led to; and for
// each coroutine that waited a span of its own with the reason. Threads: values. Not here: taking
// it (observation.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "os/clock.hpp"
#include "runtime/wait_reason.hpp"

namespace c1m::runtime {

struct TraceOptions {
  // Of each processor, and once more for the threads that hold none; 40 bytes each. What comes when
  // they are full is counted and dropped. At least 1.
  std::size_t events_per_processor = std::size_t{1} << 16;
};

enum class TraceKind : std::uint8_t {
  run_until_park,   // [begin, end] on a processor; the reason is that of the wait that follows
  run_until_yield,  // the same, and the coroutine is runnable again
  run_until_end,    // the same, and it has ended
  wait,             // [begin, end] of a coroutine that waited, or was in a blocking call
  wake,             // at begin: made runnable
  spawn,            // the same; `spawned_at` says where
};

struct TraceEvent {
  os::Nanoseconds begin_ns = 0;  // of the monotonic clock
  os::Nanoseconds end_ns = 0;
  std::uint64_t flow =
      0;  // the same number at a wake or spawn and at the run that follows; 0: none
  const void* spawned_at = nullptr;  // bits of a std::source_location
  std::uint32_t coroutine = 0;
  TraceKind kind = TraceKind::run_until_park;
  WaitReason reason = WaitReason::none;
};

struct TraceTrack {
  static constexpr std::uint32_t other_threads = UINT32_MAX;

  std::uint32_t processor = 0;  // or other_threads
  std::vector<TraceEvent> events{};
  std::uint64_t dropped = 0;
};

struct Trace {
  std::vector<TraceTrack> tracks;

  [[nodiscard]] std::uint64_t dropped() const;
};

// Writes the trace as JSON in Chrome's trace event format, in pieces. Events are in the order of
// their times, counted in microseconds from the first; an arrow is left out unless both its ends
// are in the trace. `otherData` says how many events were dropped.
void write_json(const Trace& trace, const std::function<void(std::string_view)>& write);

}  // namespace c1m::runtime
