// How often a duration was how long: eight buckets for each power of two, so a value is known to an
// eighth. Invariant: one thread at a time adds, with plain stores; any may read. Threads: add() by
// who holds the processor. Not here: what is measured (observation.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "os/clock.hpp"
#include "runtime/atomic.hpp"

namespace c1m::runtime {

namespace delay_buckets {
inline constexpr int bits = 3;
inline constexpr std::size_t per_octave = std::size_t{1} << bits;
inline constexpr std::size_t count = (63 - bits) * per_octave + per_octave;

// Values below 8 have a bucket each.
constexpr std::size_t index_of(os::Nanoseconds duration_ns) {
  const auto value = static_cast<std::uint64_t>(std::max<os::Nanoseconds>(duration_ns, 0));
  if (value < per_octave) return value;
  const int octave = static_cast<int>(std::bit_width(value)) - 1 - bits;
  return static_cast<std::size_t>(octave) * per_octave + (value >> octave);
}
// The greatest value of a bucket.
constexpr os::Nanoseconds upper_ns(std::size_t index) {
  if (index < per_octave) return static_cast<os::Nanoseconds>(index);
  const std::size_t octave = index / per_octave - 1;
  const std::uint64_t first = per_octave + index % per_octave;
  return static_cast<os::Nanoseconds>(((first + 1) << octave) - 1);
}
}  // namespace delay_buckets

// A reader's copy, of one or the sum of several.
struct DelayCounts {
  std::array<std::uint64_t, delay_buckets::count> buckets{};
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
  os::Nanoseconds max_ns = 0;

  // The value that a share of `quantile` (0 to 1) do not exceed: the upper end of its bucket, but
  // never more than the greatest. 0 of none.
  [[nodiscard]] os::Nanoseconds at(double quantile) const {
    const auto wanted = static_cast<std::uint64_t>(quantile * static_cast<double>(count));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      below += buckets[i];
      if (below > wanted || (below == count && count > 0)) {
        return std::min(delay_buckets::upper_ns(i), max_ns);
      }
    }
    return 0;
  }
};

class DelayHistogram {
 public:
  void add(os::Nanoseconds duration_ns) {
    buckets_[delay_buckets::index_of(duration_ns)].add();
    sum_ns_.add(static_cast<std::uint64_t>(std::max<os::Nanoseconds>(duration_ns, 0)));
    if (duration_ns > max_ns_.load(std::memory_order_relaxed)) {
      max_ns_.store(duration_ns, std::memory_order_relaxed);
    }
  }

  void add_to(DelayCounts& counts) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      const std::uint64_t here = buckets_[i].get();
      counts.buckets[i] += here;
      counts.count += here;
    }
    counts.sum_ns += sum_ns_.get();
    counts.max_ns = std::max(counts.max_ns, max_ns_.load(std::memory_order_relaxed));
  }

 private:
  std::array<Counter, delay_buckets::count> buckets_{};
  Counter sum_ns_;
  std::atomic<os::Nanoseconds> max_ns_ = 0;
};

}  // namespace c1m::runtime
