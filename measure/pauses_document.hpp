// The document of --pauses: what each meter of a server or of the generator found, on one time axis
// (CLOCK_MONOTONIC), so that documents of both can be laid over each other. Threads: values. Not
// here: measuring (loop_meter, platform_meter, silence), causes (scripts/c1m/pauses).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "measure/histogram.hpp"
#include "measure/live_histogram.hpp"
#include "measure/loop_meter.hpp"
#include "measure/silence.hpp"
#include "measure/stall_log.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

// One meter. Which of the members that say where it stands are there depends on its kind.
struct PauseMeter {
  std::string kind;  // "hiccup", "loop", "memory_call", "lock_wait", "steal", "silence", ...
  std::optional<std::uint64_t> shard;
  std::optional<std::uint64_t> worker;  // of the shard
  std::optional<int> cpu;
  std::optional<std::string> target;            // of a silence; none: of the whole service
  std::map<std::string, Histogram> histograms;  // ns inside; names as in the JSON, with their unit
  std::vector<Stall> stalls;                    // the longest
  std::uint64_t stalls_total = 0;
  std::map<std::string, std::string> unavailable;  // reasons, by name of the histogram
  // Of a silence: what was to be expected, where the answers came as a Poisson stream would.
  std::optional<std::uint64_t> answers;
  std::optional<double> expected_longest_ns;
};

struct PausesDocument {
  std::string side;                    // "server", "generator"
  std::string program;                 // "c1m-uv"
  std::optional<std::string> backend;  // "uv"
  std::string started_utc;
  os::Nanoseconds begin_ns = 0;  // CLOCK_MONOTONIC: when the meters were started
  os::Nanoseconds end_ns = 0;    // and stopped
  os::Nanoseconds tick_ns = 0;   // also the shortest stall that is kept
  std::vector<PauseMeter> meters;
};

[[nodiscard]] std::string to_json(const PausesDocument& document);

// A meter of that kind with these stalls.
[[nodiscard]] PauseMeter meter_of(const char* kind, const StallLog& stalls);
// A loop's, with its histograms.
[[nodiscard]] PauseMeter meter_of_loop(const LoopPauses& pauses);
// The silences of a stream that no Poisson stream of that rate explains, or, where it is none, all;
// at least `least_ns` long. `window_ns` > 0.
[[nodiscard]] PauseMeter meter_of_silence(const StreamSilence& stream, os::Nanoseconds window_ns,
                                          bool is_poisson, os::Nanoseconds least_ns);

// Values stand at the upper end of their bucket, at most 6.25 % above what they were.
[[nodiscard]] Histogram histogram_of(const LiveHistogram& live);

}  // namespace c1m::measure
