// A coarse histogram in shared memory: a shard counts durations while its supervisor reads them,
// for what is shown of a running test, and of what meters of pauses find. The result of a load has
// its own, exact to 3 digits (measure/histogram).
//
// Bucket i > 0 holds the values (bound(i - 1), bound(i)], bounds growing by 2^(1/16) to 2^(1/8)
// (each power of two is cut into 16 equal parts), so that a percentile is known to 6.25 %; bucket 0
// holds all up to 1,024 ns, the last one also all that are longer. Counting is two loads and stores
// in one cache line each, 1 to 2 ns.
// Invariant: counters only grow. Threads: one writer, any readers; each word is read whole, but a
// copy may be between two values. Not here: minimum, maximum, mean.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "os/clock.hpp"

namespace c1m::measure {

struct LiveBuckets {
  static constexpr unsigned parts_bits = 4;
  static constexpr unsigned first_bits = 10;  // bucket 0 ends at 2^10 ns
  static constexpr unsigned last_bits = 36;   // 69 s
  static constexpr std::size_t count = 1 + (std::size_t{last_bits - first_bits} << parts_bits);

  // Values are ns, not negative.
  [[nodiscard]] static std::size_t index_of(os::Nanoseconds value_ns) {
    // What a bucket ends with belongs to it.
    const auto below = static_cast<std::uint64_t>(std::max<os::Nanoseconds>(value_ns, 1) - 1);
    const auto bits = static_cast<unsigned>(std::bit_width(below));
    if (bits <= first_bits) return 0;
    if (bits > last_bits) return count - 1;
    const unsigned shift = bits - 1 - parts_bits;
    const std::uint64_t part = (below >> shift) & ((1U << parts_bits) - 1);
    return 1 + (std::size_t{bits - 1 - first_bits} << parts_bits) + part;
  }
  // The largest value of a bucket; the last one has more.
  [[nodiscard]] static os::Nanoseconds bound_ns(std::size_t index) {
    if (index == 0) return os::Nanoseconds{1} << first_bits;
    const std::size_t power = first_bits + ((index - 1) >> parts_bits);
    const auto part = static_cast<os::Nanoseconds>((index - 1) & ((1U << parts_bits) - 1));
    const os::Nanoseconds base = os::Nanoseconds{1} << power;
    return base + ((part + 1) * base >> parts_bits);
  }
};

// A copy, of one shard or summed over several.
struct LiveCounts {
  std::array<std::uint64_t, LiveBuckets::count> counts{};
  std::uint64_t sum_ns = 0;

  [[nodiscard]] std::uint64_t total() const;
  // Recorded after `earlier`, which is an older copy of the same; where a shard has died meanwhile,
  // and took its counters along, as if it had been there for nothing.
  [[nodiscard]] LiveCounts since(const LiveCounts& earlier) const;
  // The bound of the bucket where the value of that rank is; `percentile` is 0..100. Nothing when
  // empty.
  [[nodiscard]] std::optional<os::Nanoseconds> percentile_ns(double percentile) const;
};

class LiveHistogram {
 public:
  void record(os::Nanoseconds value_ns, std::uint64_t count = 1) {
    add(counts_[LiveBuckets::index_of(value_ns)], count);
    add(sum_ns_, static_cast<std::uint64_t>(value_ns) * count);
  }
  void add_to(LiveCounts& sum) const;

 private:
  using Word = std::atomic<std::uint64_t>;
  // There is one writer.
  static void add(Word& word, std::uint64_t value) {
    word.store(word.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }

  std::array<Word, LiveBuckets::count> counts_{};
  Word sum_ns_{0};
};

}  // namespace c1m::measure
