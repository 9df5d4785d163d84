// How long a service was silent, as its clients see it: intervals between two answers in which
// none came. Each shard of the generator keeps those of each target (a shard of the server); the
// service, and each target, was silent while every shard saw it silent, so intersecting their lists
// gives the lists of the merged stream of answers, exactly, without merging answers.
//
// Among n answers that come as a Poisson stream of rate lambda, the longest interval is ln(n) /
// lambda as a rule: (longest - ln(n) / lambda) * lambda has Gumbel's distribution, which exceeds
// 4.6 once in a hundred runs. Silences are reported beyond that. Invariants: memory is bounded;
// lists hold every interval of at least their `floor_ns`. Threads: one owner each. Not here: why it
// was silent (scripts/c1m/pauses).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measure/histogram.hpp"
#include "os/clock.hpp"

namespace c1m::measure {

struct Silence {
  os::Nanoseconds begin_ns = 0;
  os::Nanoseconds end_ns = 0;

  [[nodiscard]] os::Nanoseconds length_ns() const { return end_ns - begin_ns; }
  friend bool operator==(const Silence&, const Silence&) = default;
};

// Of one target, as one shard of the generator saw it.
struct TargetSilence {
  std::uint64_t answers = 0;
  std::vector<Silence> silences;  // in order, none overlapping

  friend bool operator==(const TargetSilence&, const TargetSilence&) = default;
};

struct ShardSilence {
  os::Nanoseconds floor_ns = 0;
  std::vector<TargetSilence> targets;

  friend bool operator==(const ShardSilence&, const ShardSilence&) = default;
};

class SilenceLog {
 public:
  static constexpr std::size_t kept_max = 16'384;

  // Silences shorter than `floor_ns` are not kept, nor, when there are too many, the shorter half.
  SilenceLog(std::size_t targets, os::Nanoseconds floor_ns);

  // Answers count from `begin_ns` to before `end_ns`.
  void open(os::Nanoseconds begin_ns, os::Nanoseconds end_ns);
  void on_answer(std::size_t target, os::Nanoseconds now_ns);
  // The last silences end at `end_ns`, which may be earlier than open() was told.
  [[nodiscard]] ShardSilence close(os::Nanoseconds end_ns);

 private:
  struct Entry {
    std::uint32_t target = 0;
    Silence silence;
  };

  void keep(std::size_t target, Silence silence);
  void raise_floor();

  os::Nanoseconds floor_ns_;
  os::Nanoseconds window_end_ns_ = 0;     // 0: not open
  std::vector<os::Nanoseconds> last_ns_;  // by target: the last answer, or the window's start
  std::vector<std::uint64_t> answers_;
  std::vector<Entry> entries_;
};

// What all of both have in common, at least `floor_ns` long.
[[nodiscard]] std::vector<Silence> intersection(const std::vector<Silence>& left,
                                                const std::vector<Silence>& right,
                                                os::Nanoseconds floor_ns);

// Of the merged stream of all shards.
struct StreamSilence {
  std::uint64_t answers = 0;
  std::vector<Silence> silences;
};
struct ServiceSilence {
  os::Nanoseconds floor_ns = 0;
  StreamSilence whole;
  std::vector<StreamSilence> targets;
};
[[nodiscard]] ServiceSilence merge(const std::vector<ShardSilence>& shards);

// The longest silence to be expected, and what one of a hundred such streams exceeds; nothing with
// fewer than two answers. `window_ns` > 0.
struct ExpectedSilence {
  double longest_ns = 0;
  double unexpected_ns = 0;
};
[[nodiscard]] std::optional<ExpectedSilence> expected_silence(std::uint64_t answers,
                                                              os::Nanoseconds window_ns);

}  // namespace c1m::measure
