// An HDR histogram: counts of non-negative integers (c1m records nanoseconds) in buckets whose
// width is at most 1/1000 of their value, so that any percentile is known to 3 significant digits.
//
// Layout, as published at hdrhistogram.org for 3 digits and lowest discernible value 1: values
// below 2048 have a counter each; above that, each power of two is cut into 1024 counters of equal
// width. All of a histogram is its counters: count, min, max, mean and percentiles are functions of
// them. Therefore a histogram that was merged, or encoded and decoded, differs in nothing from one
// that recorded the same values directly; the price is that min and max are known as buckets too.
//
// Size: an empty Histogram is sizeof (32 bytes) and no heap. Counters come in steps of 8 KiB as
// larger values arrive: 88 KiB up to 1 ms, 168 KiB up to 1 s, 264 KiB up to 73 min, 432 KiB for
// every int64. Nothing is out of range and nothing saturates. Growing may throw std::bad_alloc; see
// grow_to().
//
// Threads: a plain value without locks; one writer, and no reader beside it. One that was moved
// from may only be assigned to or destroyed. Not here: the wire format (histogram_codec), text
// (histogram_log), coordinated-omission correction (c1m measures from the intended send time
// instead of repairing afterwards).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "os/assert.hpp"

namespace c1m::measure {

// The values that share one counter: [lowest, highest], both inclusive.
struct ValueRange {
  std::int64_t lowest = 0;
  std::int64_t highest = 0;

  // The value that stands for all of them in mean and deviation: the middle, rounded up.
  [[nodiscard]] std::int64_t middle() const {
    return lowest +
           static_cast<std::int64_t>(
               (static_cast<std::uint64_t>(highest) - static_cast<std::uint64_t>(lowest) + 1) / 2);
  }
  friend bool operator==(const ValueRange&, const ValueRange&) = default;
};

// A counter that is not zero, in order of value.
struct RecordedBucket {
  ValueRange values;
  std::uint64_t count = 0;
  std::uint64_t cumulative_count = 0;  // of this bucket and all below it
};

// One step of a percentile curve: `percentile` (0..100) of all values are <= `value`.
struct PercentileStep {
  std::int64_t value = 0;
  double percentile = 0;
  std::uint64_t cumulative_count = 0;
};

class Histogram {
 public:
  static constexpr int significant_digits = 3;
  static constexpr std::int64_t lowest_discernible_value = 1;
  // Counters of equal width: the smallest power of two that is at least 2 * 10^significant_digits.
  static constexpr std::size_t sub_bucket_count = 2048;
  static constexpr std::size_t sub_bucket_half_count = sub_bucket_count / 2;
  // Enough for every value up to 2^63 - 1.
  static constexpr std::size_t counter_count_max = 54 * sub_bucket_half_count;
  // Every histogram says that it can track this much (73 minutes in nanoseconds) even if it has not
  // grown so far, so that other implementations, which fix the range when they decode the first
  // one, can add those of one run to each other.
  static constexpr std::int64_t highest_trackable_value_min = (std::int64_t{1} << 42) - 1;

  // Which counter a value belongs to. Negative values give an index >= counter_count_max.
  [[nodiscard]] static constexpr std::size_t index_of(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    const auto bucket = static_cast<std::size_t>(std::bit_width(bits | (sub_bucket_count - 1)) -
                                                 std::bit_width(sub_bucket_count - 1));
    return bucket * sub_bucket_half_count + static_cast<std::size_t>(bits >> bucket);
  }

  // The inverse of index_of(); `index` < counter_count_max.
  [[nodiscard]] static ValueRange range_of(std::size_t index);

  // Counts `value` once. Negative values are a programmer error. 1 to 2 ns, but for the first value
  // of a new magnitude, which allocates.
  void record(std::int64_t value) {
    const std::size_t index = index_of(value);
    if (index >= counts_.size()) [[unlikely]]
      grow_to(value);
    ++counts_[index];
    ++count_;
  }

  // Counts `value` `count` times. The sum of all counts must stay below 2^63.
  void record(std::int64_t value, std::uint64_t count);

  // Adds every counter of `other`: as if its values had been recorded here. Same bound on the sum.
  void merge(const Histogram& other);

  // Makes room for values up to `highest_value`, so that recording those never allocates.
  void grow_to(std::int64_t highest_value);

  // Sets all counters to zero and keeps the memory, for the next interval.
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

  // The lowest value that shares a counter with the smallest recorded one; 0 when empty.
  [[nodiscard]] std::int64_t min() const;
  // The highest value that shares a counter with the largest recorded one; 0 when empty.
  [[nodiscard]] std::int64_t max() const;

  // Mean and population standard deviation, each value taken as the middle of its bucket: the mean
  // is off by at most half a bucket, 0.05 % of it. 0 when empty.
  [[nodiscard]] double mean() const;
  [[nodiscard]] double stddev() const;

  // The highest value that shares a counter with the value of rank percentile / 100 * count,
  // rounded half up and at least 1 (nearest rank as the C and Python implementations take it).
  // `percentile` is 0..100: more counts as 100, and 0 gives min(). 0 when empty.
  [[nodiscard]] std::int64_t value_at_percentile(double percentile) const;

  // How often a value of the bucket of `value` was recorded.
  [[nodiscard]] std::uint64_t count_at_value(std::int64_t value) const;

  // What a fixed-range implementation must be created with to hold this:
  // highest_trackable_value_min, or the top of the counters where those reach further.
  // bucket_count() is its number of power-of-two buckets.
  [[nodiscard]] std::int64_t highest_trackable_value() const;
  [[nodiscard]] std::size_t bucket_count() const;

  [[nodiscard]] std::size_t heap_bytes() const { return counts_.capacity() * sizeof(counts_[0]); }

  // Calls `visit(const RecordedBucket&)` for each counter that is not zero, in order of value.
  template <class Visit>
  void for_each_recorded(Visit&& visit) const {
    std::uint64_t cumulative_count = 0;
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      if (counts_[index] == 0) continue;
      cumulative_count += counts_[index];
      visit(RecordedBucket{range_of(index), counts_[index], cumulative_count});
    }
  }

  // The curve from 0 to 100 in steps that halve as often as the distance to 100 halves:
  // `ticks_per_half_distance` (> 0) steps for 0..50, as many for 50..75, and so on. Ends with a
  // step at 100 that has the largest value; empty when the histogram is. The steps lie where the
  // Python implementation lays them (it does not truncate the number of halvings, as the Java one
  // does).
  [[nodiscard]] std::vector<PercentileStep> percentile_steps(
      unsigned ticks_per_half_distance) const;

  // Equal when the same values were recorded as often; room for more is no difference.
  friend bool operator==(const Histogram& left, const Histogram& right);

 private:
  std::vector<std::uint64_t> counts_;  // size is a multiple of sub_bucket_half_count
  std::uint64_t count_ = 0;            // sum of counts_
};

}  // namespace c1m::measure
